// `pds preflight` before moves between a Cirrus and the reference PDS, both ways.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { pds } from '../cli/support.ts'
import { startScene, startStage, type Scene, type Stage } from './support/cirrus.ts'
import type { ReferenceAccount } from './support/reference.ts'
import { seed } from './support/seed.ts'

interface Report {
  level: string
  checks: { id: string; level: string; seen: string; mend?: string }[]
}

describe('pds preflight', () => {
  let stage: Stage
  let scene: Scene
  let bob: ReferenceAccount
  let cwd: string
  beforeAll(async () => {
    stage = await startStage()
    scene = await startScene(stage, { records: 40, blobs: 5 })
    bob = await stage.reference.createAccount({ handle: 'bob.test' })
    await seed(bob.agent, { records: 30, blobs: 4 })
    cwd = await mkdtemp(join(tmpdir(), 'pds-preflight-test-'))
    await writeFile(join(cwd, 'wrangler.toml'), `[vars]\nPLC_DIRECTORY_URL = "${stage.plc.url}"\n`)
  })
  afterAll(async () => {
    await scene?.[Symbol.asyncDispose]()
    await stage?.[Symbol.asyncDispose]()
    if (cwd) await rm(cwd, { recursive: true, force: true })
  })

  const run = async (args: string[], env: Record<string, string> = {}) => {
    const { code, json, stderr } = await pds(['preflight', ...args, '--json'], { cwd, env })
    if (json === undefined) throw new Error(stderr)
    const { level, checks } = json as Report
    return { code, level, checks, levels: Object.fromEntries(checks.map((check) => [check.id, check.level])) }
  }
  const own = (args: string[]) =>
    run(['--host', scene.cirrus.url, ...args], {
      ADMIN_PASSWORD: scene.cirrus.adminPassword,
      ADMIN_PASSWORD_HOST: scene.cirrus.url,
    })
  const ofBob = (env: Record<string, string> = {}) =>
    run(['--from', stage.reference.url, '--identifier', bob.did, '--to', scene.cirrus.url], env)

  it('finds nothing in the way of a move from the Cirrus to the reference', async () => {
    const { code, checks } = await own(['--to', stage.reference.url, '--all-blobs'])
    expect(checks.filter(({ level }) => level === 'fail')).toEqual([])
    expect(code).toBe(0)
    const seen = checks.map(({ id, seen: text }) => `${id}: ${text}`).join('\n')
    expect(seen).toContain('all 5 blobs have the right hash')
    expect(seen).toContain(`account: ${stage.reference.url} shows no account of this DID`)
  })

  it('reads an account of the reference without a password, down to the last blob', async () => {
    const { levels, checks } = await ofBob()
    expect(levels).toMatchObject({ identity: 'pass', operations: 'pass', repository: 'pass', blobs: 'pass' })
    expect(checks.find(({ id }) => id === 'blobs')?.seen).toContain('all 4 blobs')
    expect(levels).not.toHaveProperty('sign-in')
  })

  it('knows the reference’s rotation key with the account password, and refuses an app password', async () => {
    const owner = await ofBob({ PDS_SOURCE_PASSWORD: bob.password })
    expect(owner.levels).toMatchObject({ 'sign-in': 'pass', 'rotation-key': 'pass' })
    const { data } = await bob.agent.com.atproto.server.createAppPassword({ name: 'phone' })
    const app = await ofBob({ PDS_SOURCE_PASSWORD: data.password })
    expect(app.code).toBe(3)
    expect(app.checks.find(({ id }) => id === 'sign-in')).toMatchObject({
      level: 'fail',
      seen: expect.stringContaining('app password'),
    })
  })

  it('finds the blob that the reference has lost', async () => {
    const { data } = await bob.agent.com.atproto.sync.listBlobs({ did: bob.did })
    const [lost = ''] = data.cids
    await rm(join(stage.reference.directory, 'blobs', bob.did, lost))
    const { code, checks } = await ofBob()
    expect(checks.find(({ id }) => id === 'blobs')).toMatchObject({
      level: 'warn',
      seen: expect.stringMatching(`^1 of 4 .*${lost}`),
    })
    // It is asked about in the move: nothing to stop for. That this Cirrus is set up for another account is.
    expect(checks.filter(({ level }) => level === 'fail').map(({ id }) => id)).toEqual(['target'])
    expect(code).toBe(3)
  })
})
