// An account that somebody else made on this server before `pds import` ran, and the password that makes one.
import { writeFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startPlcCirrus } from '../../dev/account.ts'
import { type Cirrus, startCirrus } from '../../dev/cirrus.ts'
import { type PlcDirectory, startPlc } from '../../dev/plc.ts'
import { seedCirrus, signIn } from '../../dev/seed.ts'
import { connect } from '../../src/client/index.ts'
import { folder, member, pds, type RunOptions } from './support.ts'

const PASSWORD = 'target-password'

let plc: PlcDirectory
let source: Awaited<ReturnType<typeof startPlcCirrus>>
let here: Awaited<ReturnType<typeof folder>>
let target: Cirrus

beforeAll(async () => {
  plc = await startPlc()
})
afterAll(() => plc.close())
beforeEach(async () => {
  here = await folder()
  await writeFile(here.in('wrangler.toml'), `[vars]\nPLC_DIRECTORY_URL = "${plc.url}"\n`)
  source = await startPlcCirrus({ plcUrl: plc.url, handle: 'alice.test' })
  await seedCirrus(source.url, await signIn(source.url, source), { records: 5, blobs: 1 })
  const { did } = source.account
  target = await startCirrus({ plcUrl: plc.url, handle: 'alice.test', did, password: PASSWORD })
}, 60_000)
afterEach(async () => {
  await Promise.all([source.close(), target.close()])
  await here[Symbol.asyncDispose]()
})

const on = (cirrus: Cirrus, args: readonly string[], options: RunOptions = {}) =>
  pds([...args, '--host', cirrus.url], {
    cwd: here.path,
    ...options,
    env: { ADMIN_PASSWORD: cirrus.adminPassword, ADMIN_PASSWORD_HOST: cirrus.url, ...options.env },
  })
const mint = async () => (await on(source, ['migrate-token', '--target', target.url])).stdout
const importFrom = (options: RunOptions, ...args: string[]) =>
  on(target, ['import', '--from', source.url, '--yes', ...args], options)
const withPassword = { env: { PDS_PASSWORD: PASSWORD } }
const code = (json: unknown) => member(json, 'error', 'code')

/** Somebody with a token and the password makes the account, and is signed in to it. */
const intrude = async () => {
  const intruder = connect(target.url, { token: (await mint()).trim() })
  const { did } = source.account
  const { accessJwt } = await intruder.com.atproto.server.createAccount({
    did,
    handle: 'alice.test',
    password: PASSWORD,
  })
  return connect(target.url, { token: accessJwt })
}

describe('an account that is here and that pds import has not made', () => {
  it('is not moved into without a word: --yes does not cover it', async () => {
    await intrude()
    const ran = await importFrom({ stdin: await mint(), ...withPassword }, '--json')
    expect([ran.code, code(ran.json)], ran.stdout).toEqual([4, 'account-found'])
    expect((await on(target, ['status', '--json'])).json).toMatchObject({
      state: 'deactivated',
      repo: { records: 0 },
    })
  })

  it('is asked about on the terminal, though the token is piped in; after yes, the intruder is signed out', async () => {
    const intruder = await intrude()
    const no = await importFrom({ stdin: await mint(), ...withPassword, terminal: 'n' })
    expect(no.code).toBe(4)
    expect(no.stderr).toMatch(/has an account of did:plc:\w+ already, which was never active/)
    const yes = await importFrom({ stdin: await mint(), ...withPassword, terminal: 'y' })
    expect(yes.code, yes.stderr).toBe(0)
    expect(yes.stderr).toContain('every session from before has ended')
    await expect(intruder.com.atproto.server.getSession()).rejects.toThrow(/session/)
    expect((await on(target, ['sessions', '--json'])).json).toMatchObject({ ok: true, sessions: [] })
  })

  it('is the owner’s if it has been active here: nobody is asked', async () => {
    expect((await importFrom({ stdin: await mint(), ...withPassword })).code).toBe(0)
    await on(source, ['deactivate', '--yes'])
    const token = (await on(target, ['migrate-token', '--target', source.url])).stdout
    // What it has is kept after the move away, unless its owner gives that up.
    const args = ['import', '--from', target.url, '--confirm-handle', 'alice.test', '--yes', '--json']
    const back = await on(source, args, {
      stdin: token,
      env: { PDS_PASSWORD: source.password },
    })
    expect(back.json, back.stdout).toMatchObject({ ok: true })
    expect(back.stderr).not.toContain('every session')
  })
})

describe('the account password of the new server', () => {
  it('is asked for on the terminal, because standard input carries the token', async () => {
    const ran = await importFrom({ stdin: await mint(), terminal: PASSWORD })
    expect(ran.code, ran.stderr).toBe(0)
    expect(ran.stderr).toContain(`Account password of alice.test on localhost:${target.port}`)
    expect(ran.stderr + ran.stdout).not.toContain(PASSWORD)
  })

  it('is missed by name if there is no terminal, and tried once if it is wrong', async () => {
    const missing = await importFrom({ stdin: await mint() }, '--json')
    expect(code(missing.json)).toBe('sign-in-needed')
    let tries = 0
    const counting: typeof fetch = async (input, init) => {
      if (String(input).endsWith('.createAccount')) tries++
      return await fetch(input, init)
    }
    const wrong = await importFrom(
      { stdin: await mint(), env: { PDS_PASSWORD: 'wrong' }, fetch: counting },
      '--json',
    )
    expect([code(wrong.json), tries]).toEqual(['sign-in-needed', 1])
    expect((await importFrom({ stdin: await mint(), ...withPassword }, '--json')).json).toMatchObject({
      ok: true,
    })
  })
})

describe('pds sessions and pds end-sessions', () => {
  it('list who is signed in, and sign them out', async () => {
    const sign = () => signIn(source.url, source)
    await sign()
    await sign()
    const { json } = await on(source, ['sessions', '--json'])
    const sessions = member(json, 'sessions')
    expect(sessions).toHaveLength(3)
    const id = String(member(Array.isArray(sessions) ? sessions[0] : undefined, 'id'))
    expect((await on(source, ['end-sessions', id])).code).toBe(4)
    expect((await on(source, ['end-sessions', id, '--yes', '--json'])).json).toEqual({ ok: true, ended: 1 })
    expect(code((await on(source, ['end-sessions', id, '--yes', '--json'])).json)).toBe('session-not-found')
    expect((await on(source, ['end-sessions', '--all', '--yes'])).stdout).toBe('2 sessions ended.\n')
    expect((await on(source, ['sessions'])).stdout).toBe('Nobody is signed in.\n')
    for (const args of [['end-sessions'], ['end-sessions', id, '--all'], ['end-sessions', id, id]])
      expect((await on(source, args)).code).toBe(2)
  })
})
