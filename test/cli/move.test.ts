// Against real servers: a Cirrus, a second one, the PLC directory.
import { writeFile } from 'node:fs/promises'
import { verifyJwt } from '@atproto/xrpc-server'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startPlcCirrus } from '../../dev/account.ts'
import { type Cirrus, startCirrus } from '../../dev/cirrus.ts'
import { type PlcDirectory, startPlc } from '../../dev/plc.ts'
import { seedCirrus, signIn } from '../../dev/seed.ts'
import { member, folder, pds, type RunOptions } from './support.ts'

type Source = Awaited<ReturnType<typeof startPlcCirrus>>

const RECORDS = 40
const BLOBS = 5

let plc: PlcDirectory
let here: Awaited<ReturnType<typeof folder>>
let source: Source
let target: Cirrus

beforeAll(async () => {
  plc = await startPlc()
})
afterAll(() => plc.close())
beforeEach(async () => {
  here = await folder()
  await writeFile(here.in('wrangler.toml'), `[vars]\nPLC_DIRECTORY_URL = "${plc.url}"\n`)
  source = await startPlcCirrus({ plcUrl: plc.url, handle: 'alice.test' })
  const { did } = source.account
  target = await startCirrus({ plcUrl: plc.url, handle: 'alice.test', did, password: 'target-password' })
  await seedCirrus(source.url, await signIn(source.url, source), { records: RECORDS, blobs: BLOBS })
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
const mint = async (...args: string[]): Promise<string> =>
  (await on(source, ['migrate-token', '--target', target.url, ...args])).stdout
const importFrom = (options: RunOptions, ...args: string[]) =>
  on(target, ['import', '--from', source.url, '--yes', '--json', ...args], {
    ...options,
    env: { PDS_PASSWORD: 'target-password', ...options.env },
  })
const movedIn = {
  state: 'active',
  repo: { records: RECORDS },
  blobs: { expected: BLOBS, stored: BLOBS },
  identity: { movedAway: false },
}

describe('pds migrate-token', () => {
  it('prints a token that a reference PDS accepts as service auth and jose decodes to the claims', async () => {
    const token = (await mint()).trim()
    const serviceDid = `did:web:localhost%3A${target.port}`
    const lxm = 'com.atproto.server.createAccount'
    const data: unknown = await (await fetch(`${plc.url}/${source.did}/data`)).json()
    const key = String(member(data, 'verificationMethods', 'atproto'))
    const verified = await verifyJwt(token, serviceDid, lxm, async () => key)
    expect(verified).toMatchObject({ iss: source.did, aud: serviceDid, lxm })
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'ES256K', typ: 'cirrus-migration+jwt' })
    const claims = decodeJwt(token)
    expect(claims).toMatchObject({ iss: source.did, aud: serviceDid, target: target.url, lxm })
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(900)
  })
})

describe('pds import', () => {
  it('moves the account with the token of another Cirrus; then the source can be deactivated', async () => {
    const moved = await importFrom({ stdin: await mint() })
    expect(moved.json, moved.stdout).toMatchObject({ ok: true, lost: [], sourceDeactivated: false })
    expect((await on(target, ['status', '--json'])).json).toMatchObject(movedIn)
    expect((await importFrom({})).json).toMatchObject({ ok: true, already: true })
    expect((await on(target, ['check', '--json'])).json).toMatchObject({ ok: true })
    expect((await on(target, ['identity', '--json'])).json).toMatchObject({ ok: true, here: true })

    const old = await on(source, ['identity', '--json'])
    expect([old.code, member(old.json, 'here')]).toEqual([3, false])
    const done = await on(source, ['deactivate', '--yes'])
    expect(done.stdout).toMatch(/Worker[^]*bucket[^]*DNS/)
    const back = await on(source, ['activate', '--json'])
    expect([back.code, member(back.json, 'error', 'code')]).toEqual([1, 'did-elsewhere'])
    expect((await on(source, ['log', '--verify', '--json'])).json).toMatchObject({ ok: true, problems: [] })
  })

  it('sends no repository that is larger than --max-request: the server fetches it', async () => {
    const asked: string[] = []
    const counting: typeof fetch = (input, init) => {
      asked.push(/\/xrpc\/([\w.]+)/.exec(String(input))?.[1] ?? '')
      return fetch(input, init)
    }
    const moved = await importFrom({ stdin: await mint(), fetch: counting }, '--max-request', '0.001')
    expect(moved.json, moved.stdout).toMatchObject({ ok: true, lost: [] })
    expect(asked).toContain('com.cirrus.admin.pullRepo')
    expect(asked).not.toContain('com.atproto.repo.importRepo')
    expect((await on(target, ['status', '--json'])).json).toMatchObject(movedIn)
    expect((await on(target, ['check', '--json'])).json).toMatchObject({ ok: true })
    const wrong = await importFrom({}, '--max-request', 'much')
    expect([wrong.code, member(wrong.json, 'error', 'code')]).toEqual([2, 'usage'])
  })

  it('deactivates the source itself if the token allows it', async () => {
    const scopes = [
      'repo:read',
      'blob:read',
      'preferences:read',
      'account:create',
      'plc:sign',
      'account:deactivate',
    ]
    const moved = await importFrom({ stdin: await mint('--scope', scopes.join(',')) })
    expect(moved.json, moved.stdout).toMatchObject({ ok: true, sourceDeactivated: true })
    expect((await on(source, ['status', '--json'])).json).toMatchObject({ state: 'deactivated' })
  })

  it('moves the account with a password and a code, as from any other PDS', async () => {
    const code = (await on(source, ['migrate-token'])).stdout.trim()
    const env = { PDS_SOURCE_PASSWORD: source.password, PDS_PLC_TOKEN: code }
    const moved = await importFrom({ env }, '--identifier', 'alice.test')
    expect(moved.json, moved.stdout).toMatchObject({ ok: true, lost: [], sourceDeactivated: true })
    expect((await on(target, ['status', '--json'])).json).toMatchObject(movedIn)
  })

  it('continues after any answer is lost, and repeats nothing', async () => {
    const token = await mint()
    const steps = [
      'createAccount',
      'importRepo',
      'uploadBlob',
      'putPreferences',
      'signPlcOperation',
      'submitPlcOperation',
      'activateAccount',
    ]
    const left = new Set(steps)
    const flaky: typeof fetch = async (input, init) => {
      const answer = await fetch(input, init)
      const step = steps.find((name) => String(input).endsWith(`.${name}`))
      if (!step || !left.delete(step)) return answer
      await answer.body?.cancel()
      throw new TypeError('the line was cut')
    }
    const codes: number[] = []
    while (codes.at(-1) !== 0 && codes.length < 12)
      codes.push(
        (await importFrom({ stdin: token, fetch: flaky, env: { PDS_PASSWORD: 'target-password' } })).code,
      )
    expect(left.size).toBe(0)
    expect(codes.at(-1)).toBe(0)
    expect((await on(target, ['status', '--json'])).json).toMatchObject(movedIn)
    const log: unknown = await (await fetch(`${plc.url}/${source.did}/log`)).json()
    expect(log).toHaveLength(2)
  }, 60_000)

  it('says at once what is wrong with a token, and changes nothing', async () => {
    await using other = await startPlcCirrus({ plcUrl: plc.url, handle: 'bob.test' })
    const foreign = (await on(other, ['migrate-token', '--target', target.url])).stdout
    const elsewhere = (await on(source, ['migrate-token', '--target', other.url])).stdout
    const untargeted = (await on(source, ['migrate-token'])).stdout
    const weak = await mint('--scope', 'repo:read')
    const fresh = await mint()
    const cases = [
      [foreign, 'token-wrong-issuer'],
      [elsewhere, 'token-wrong-audience'],
      [untargeted, 'token-untargeted'],
      [weak, 'token-scope'],
      [fresh.slice(0, 60), 'token-malformed'],
      ['', 'not-a-terminal'],
    ] as const
    for (const [stdin, code] of cases)
      expect(member((await importFrom({ stdin })).json, 'error', 'code')).toBe(code)
    const later = () => Date.now() + 16 * 60_000
    expect(member((await importFrom({ stdin: fresh, now: later })).json, 'error', 'code')).toBe(
      'token-expired',
    )
    await on(source, ['revoke-tokens'])
    expect(member((await importFrom({ stdin: fresh })).json, 'error', 'code')).toBe('token-refused')
    expect((await on(target, ['status', '--json'])).json).toMatchObject({ state: 'absent' })
  })

  it('does not change the DID while the directory is down, and continues when it is up', async () => {
    const token = await mint()
    plc.fail({ status: 503, only: (method) => method === 'POST' })
    const failed = await importFrom({ stdin: token })
    plc.recover()
    expect(failed.code, failed.stdout).not.toBe(0)
    expect((await on(source, ['status', '--json'])).json).toMatchObject({
      state: 'active',
      unsubmitted: [{ pds: target.url }],
    })
    const env = { PDS_PASSWORD: 'target-password' }
    expect((await importFrom({ stdin: token, env })).json).toMatchObject({ ok: true })
  })

  it('can be cancelled before the PLC step: the signed operation is voided', async () => {
    const token = await mint()
    plc.fail({ status: 503, only: (method) => method === 'POST' })
    await importFrom({ stdin: token })
    plc.recover()
    const voided = await on(source, ['identity', '--void', '--yes', '--json'])
    expect(member(voided.json, 'voided')).toHaveLength(1)
    expect((await on(source, ['status', '--json'])).json).toMatchObject({ state: 'active', unsubmitted: [] })
    const late = await importFrom({ stdin: token, env: { PDS_PASSWORD: 'target-password' } })
    expect(late.code).not.toBe(0)
    expect((await on(source, ['identity', '--json'])).json).toMatchObject({ ok: true, here: true })
  })
})
