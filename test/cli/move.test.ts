/** The CLI against real servers: a Cirrus, a second one, the PLC directory. */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPlcAccount, startPlcCirrus } from '../../src/dev/account.ts'
import { type Cirrus, startCirrus } from '../../src/dev/cirrus.ts'
import { type PlcDirectory, startPlc } from '../../src/dev/plc.ts'
import { seedCirrus, signIn } from '../../src/dev/seed.ts'
import { at, folder, pds, type RunOptions } from './support.ts'

let plc: PlcDirectory
let source: Awaited<ReturnType<typeof startPlcCirrus>>
let target: Cirrus
let here: Awaited<ReturnType<typeof folder>>

beforeAll(async () => {
  here = await folder()
  plc = await startPlc()
  source = await startPlcCirrus({ plcUrl: plc.url, handle: 'alice.test' })
  target = await startCirrus({
    plcUrl: plc.url,
    handle: 'alice.test',
    did: source.account.did,
    password: 'target-password',
  })
  await seedCirrus(source.url, await signIn(source.url, source), { records: 40, blobs: 5 })
  await writeFile(here.in('wrangler.toml'), `[vars]\nPLC_DIRECTORY_URL = "${plc.url}"\n`)
}, 60_000)
afterAll(async () => {
  await source.close()
  await target.close()
  await plc.close()
  await here[Symbol.asyncDispose]()
})

const on = (cirrus: Cirrus, args: readonly string[], options: RunOptions = {}) =>
  pds([...args, '--host', cirrus.url], {
    cwd: here.path,
    ...options,
    env: { ADMIN_PASSWORD: cirrus.adminPassword, ...options.env },
  })

describe('a Cirrus and the CLI', () => {
  it('exports everything, verified, and fetches nothing twice', async () => {
    const first = await on(source, ['export', 'backup', '--json'])
    expect(first.stderr).toBe('')
    expect(first.json).toMatchObject({ ok: true, records: 40, blobs: { count: 5, fetched: 5, lost: [] } })
    const lines = (await readFile(here.in('backup/blobs.jsonl'), 'utf8')).trim().split('\n')
    expect(lines.map((line) => Object.keys(JSON.parse(line)))).toEqual(
      Array(5).fill(['cid', 'size', 'mimeType']),
    )
    const { cid } = JSON.parse(lines[0] ?? '')
    await writeFile(here.in(`backup/blobs/${cid}`), 'damaged')
    await rm(here.in(`backup/blobs/${JSON.parse(lines[1] ?? '').cid}`))
    const second = await on(source, ['export', 'backup', '--json'])
    expect(second.json).toMatchObject({ ok: true, blobs: { count: 5, fetched: 2 } })
  })

  it('finds the journal whole and the repository as it should be', async () => {
    expect((await on(source, ['log', '--verify', '--json'])).json).toMatchObject({ ok: true, problems: [] })
    expect((await on(source, ['check', '--json'])).json).toMatchObject({ ok: true, records: 40 })
    expect((await on(source, ['identity', '--json'])).json).toMatchObject({ ok: true, here: true })
  })

  it('moves the account into a second Cirrus with the token of the first', async () => {
    const minted = await on(source, ['migrate-token', '--target', target.url])
    expect(minted.code).toBe(0)
    expect(minted.stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/)
    const moved = await on(target, ['import', '--from', source.url, '--yes', '--json'], {
      stdin: minted.stdout,
    })
    expect(moved.json, moved.stdout).toMatchObject({ ok: true, lost: [] })
    expect((await on(target, ['status', '--json'])).json).toMatchObject({
      state: 'active',
      repo: { records: 40 },
      blobs: { expected: 5, stored: 5 },
      identity: { movedAway: false, pds: target.url },
    })
    const again = await on(target, ['import', '--from', source.url, '--yes', '--json'])
    expect(again.json).toMatchObject({ ok: true, already: true })
  })

  it('deactivates the source, says what to delete, and refuses to activate it again', async () => {
    expect((await on(source, ['status', '--json'])).json).toMatchObject({ identity: { movedAway: true } })
    const done = await on(source, ['deactivate', '--yes'])
    expect(done.code).toBe(0)
    expect(done.stdout).toMatch(/Worker[^]*bucket[^]*DNS/)
    const back = await on(source, ['activate', '--json'])
    expect(back.code).toBe(1)
    expect(at(back.json, 'error', 'code')).toBe('did-elsewhere')
  })

  it('still exports after deactivation', async () => {
    const last = await on(source, ['export', 'after', '--json'])
    expect(last.json).toMatchObject({ ok: true, records: 40, blobs: { count: 5 } })
  })
})

describe('moving in', () => {
  it('needs the DID first: an account that nobody knows is refused by the directory', async () => {
    const account = await createPlcAccount({ plcUrl: plc.url, handle: 'bob.test' })
    expect(account.did).toMatch(/^did:plc:/)
  })
})
