// `pds move --to`: an account leaves its Cirrus for another PDS, with nothing but the admin password.
import { writeFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startPlcCirrus } from '../../dev/account.ts'
import { type Cirrus, startCirrus } from '../../dev/cirrus.ts'
import { type PlcDirectory, startPlc } from '../../dev/plc.ts'
import { seedCirrus, signIn } from '../../dev/seed.ts'
import { connect } from '../../src/client/index.ts'
import { folder, member, pds, type RunOptions } from './support.ts'

const RECORDS = 20
const BLOBS = 3
const SUBMIT = 'com.atproto.identity.submitPlcOperation'

let plc: PlcDirectory
let here: Awaited<ReturnType<typeof folder>>
let source: Awaited<ReturnType<typeof startPlcCirrus>>
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
const move = (options: RunOptions = {}, ...args: string[]) =>
  on(source, ['move', '--to', target.url, '--yes', ...args], {
    ...options,
    env: { PDS_TARGET_PASSWORD: 'target-password', ...options.env },
  })
const last = (stdout: string): unknown => JSON.parse(stdout.trim().split('\n').at(-1) ?? '')

it('moves everything, deactivates the source, and says what it did', async () => {
  const ran = await move()
  expect(ran.code, ran.stderr + ran.stdout).toBe(0)
  expect(ran.stdout).toContain(`alice.test is on ${target.url} now.`)
  expect(ran.stderr).toMatch(/✓ Repository {3}20 records, rev/)
  expect(ran.stderr).toMatch(/✓ Blobs {8}3 blobs copied/)
  expect((await on(target, ['status', '--json'])).json).toMatchObject({
    state: 'active',
    repo: { records: RECORDS },
    blobs: { expected: BLOBS, stored: BLOBS },
    identity: { movedAway: false },
  })
  expect((await on(source, ['status', '--json'])).json).toMatchObject({ state: 'deactivated' })
  expect((await on(target, ['check', '--json'])).json).toMatchObject({ ok: true })
  expect((await on(target, ['sessions', '--json'])).json).toMatchObject({ sessions: [] })
})

it('holds writes back from the operation to the deactivation, so that none is lost', async () => {
  const agent = await signIn(source.url, source)
  const refusals: unknown[] = []
  const posting: typeof fetch = async (input, init) => {
    if (String(input).endsWith(SUBMIT)) {
      const writer = connect(source.url, { token: agent.accessJwt })
      await writer.com.atproto.repo
        .createRecord({
          repo: source.did,
          collection: 'app.bsky.feed.post',
          record: { $type: 'app.bsky.feed.post', text: 'late', createdAt: new Date().toISOString() },
        })
        .catch((cause: unknown) => refusals.push(cause))
    }
    return await fetch(input, init)
  }
  const ran = await move({ fetch: posting }, '--json')
  expect(member(last(ran.stdout), 'report'), ran.stdout).toMatchObject({ ok: true, sourceDeactivated: true })
  expect(refusals).toMatchObject([{ status: 503 }])
})

it('lifts the fence again if the move fails there, and goes on later', async () => {
  plc.fail({ status: 503, only: (method) => method === 'POST' })
  const failed = await move({}, '--json')
  plc.recover()
  expect(failed.code, failed.stdout).not.toBe(0)
  const writer = connect(source.url, { token: (await signIn(source.url, source)).accessJwt })
  const record = { $type: 'app.bsky.feed.post', text: 'later', createdAt: new Date().toISOString() }
  await writer.com.atproto.repo.createRecord({ repo: source.did, collection: 'app.bsky.feed.post', record })
  const ran = await move({}, '--json')
  expect(member(last(ran.stdout), 'report'), ran.stdout).toMatchObject({
    ok: true,
    records: RECORDS + 1,
    sourceDeactivated: true,
  })
})

it('leaves the source active if the owner answers no, or asks to stop before', async () => {
  const rehearsed = await move({}, '--rehearse', '--json')
  expect(member(last(rehearsed.stdout), 'report'), rehearsed.stdout).toMatchObject({
    ok: true,
    rehearsal: true,
  })
  const until = await move({}, '--until', 'verify', '--json')
  expect(member(last(until.stdout), 'report'), until.stdout).toMatchObject({
    reached: 'verify',
    activated: true,
    sourceDeactivated: false,
  })
  expect((await on(source, ['status', '--json'])).json).toMatchObject({ state: 'moved' })
  const wrong = await move({}, '--until', 'tomorrow', '--json')
  expect([wrong.code, member(wrong.json, 'error', 'code')]).toEqual([2, 'usage'])
})

it('by the account’s password takes a migration token, and shows nothing of it', async () => {
  const token = (await on(source, ['migrate-token', '--target', target.url])).stdout.trim()
  const ran = await pds(
    ['move', '--from', source.url, '--identifier', source.did, '--to', target.url, '--yes'],
    {
      cwd: here.path,
      tty: true,
      stdin: token,
      env: { PDS_SOURCE_PASSWORD: source.password, PDS_TARGET_PASSWORD: 'target-password' },
    },
  )
  expect(ran.code, ran.stderr).toBe(0)
  expect(ran.stderr).toContain(`Migration token of ${source.url}`)
  expect(ran.stderr + ran.stdout).not.toContain(token.slice(0, 40))
  expect(ran.stdout).toContain(`pds verify --to ${target.url} --identifier ${source.did}`)
})

describe('an interrupt', () => {
  /** Interrupts at a request, before it is sent or after its answer; the fetch of the command is then of no use. */
  const interrupted = async (path: string, when: 'before' | 'after') => {
    const stop = new AbortController()
    const breaking: typeof fetch = async (input, init) => {
      const isIt = String(input).endsWith(path) && init?.method === 'POST'
      if (isIt && when === 'before') stop.abort()
      stop.signal.throwIfAborted()
      const answer = await fetch(input, init)
      if (isIt) stop.abort()
      stop.signal.throwIfAborted()
      return answer
    }
    const options = { fetch: breaking, cleanUpFetch: fetch, signal: stop.signal }
    const ran = await move(options)
    expect([ran.code, ran.stderr]).toEqual([130, expect.stringContaining('interrupted')])
    return ran
  }
  const fencedUntil = async () => member((await on(source, ['status', '--json'])).json, 'fencedUntil')
  const sessionsThere = async () => (await on(target, ['sessions', '--json'])).json

  it('before the directory has the operation lets writes go on, and ends the sessions', async () => {
    const { stderr } = await interrupted(SUBMIT, 'before')
    expect(stderr).toContain(`${source.url} takes writes again`)
    expect(await fencedUntil()).toBeUndefined()
    expect(await sessionsThere()).toMatchObject({ sessions: [] })
  })

  it('after it leaves the source without writes, says so, and the same command goes on', async () => {
    const { stderr } = await interrupted(SUBMIT, 'after')
    expect(stderr).toMatch(/takes no writes: the DID may name the new server by now/)
    expect(await fencedUntil()).toEqual(expect.any(String))
    expect(await sessionsThere()).toMatchObject({ sessions: [] })
    const again = await move()
    expect(again.code, again.stderr).toBe(0)
    expect((await on(source, ['status', '--json'])).json).toMatchObject({ state: 'deactivated' })
  })

  it('after it is undone with the recovery key, and the server that it comes back to takes writes again', async () => {
    await interrupted(SUBMIT, 'after')
    expect(await fencedUntil()).toEqual(expect.any(String))
    const { recoveryKey, recoveryKeys } = source.account
    const key = { type: 'k256', did: recoveryKeys[0], privateKey: recoveryKey }
    await writeFile(here.in('recovery-key.json'), JSON.stringify(key), { mode: 0o600 })
    const undone = await on(source, ['undo', '--recovery-key', 'recovery-key.json', '--yes'], {
      env: { PDS_SOURCE_PASSWORD: source.password, PDS_TARGET_PASSWORD: 'target-password' },
    })
    expect(undone.code, undone.stderr).toBe(0)
    expect(await fencedUntil()).toBeUndefined()
    expect((await on(source, ['status', '--json'])).json).toMatchObject({ state: 'active' })
  })

  it('names the command that lets writes go on where that could not be done', async () => {
    const stop = new AbortController()
    const breaking: typeof fetch = async (input, init) => {
      if (String(input).endsWith(SUBMIT)) stop.abort()
      stop.signal.throwIfAborted()
      return await fetch(input, init)
    }
    const offline: typeof fetch = () => Promise.reject(new TypeError('the network is gone'))
    const { stderr } = await move({
      fetch: breaking,
      cleanUpFetch: (input, init) =>
        String(input).startsWith(plc.url) ? fetch(input, init) : offline(input, init),
      signal: stop.signal,
    })
    expect(stderr).toContain('The same command with --until preflight does it')
    expect(await fencedUntil()).toEqual(expect.any(String))
    expect((await move({}, '--until', 'preflight')).code).toBe(0)
    expect(await fencedUntil()).toBeUndefined()
  })
})

describe('a Cirrus as the target, without its admin password', () => {
  const withTarget = async (options: { did: string; handle: string }) => {
    await target.close()
    target = await startCirrus({ plcUrl: plc.url, password: 'target-password', ...options })
  }

  it('says which handle it is set up for, so that the plan has it and createAccount is sent once', async () => {
    await withTarget({ did: source.did, handle: 'new.test' })
    const created: unknown[] = []
    const counting: typeof fetch = async (input, init) => {
      if (String(input).endsWith('createAccount')) created.push(JSON.parse(String(init?.body)))
      return await fetch(input, init)
    }
    const other = await move({ fetch: counting }, '--rehearse', '--handle', 'other.test')
    expect(other.stderr).toContain(`${target.url} is set up for the handle new.test (HANDLE), not other.test`)
    const { stderr, code } = await move({ fetch: counting }, '--rehearse')
    expect(code, stderr).toBe(0)
    expect(created).toEqual([expect.objectContaining({ handle: 'new.test' })])
    expect(stderr).toContain(`${target.url} is set up for the handle new.test`)
    expect(stderr).toMatch(/\+ name at:\/\/new\.test/)
  })

  it('that is set up for another account stops the move before anything is sent there', async () => {
    await withTarget({ did: 'did:plc:ewvi7nxzyoun6zhxrhs64oiz', handle: 'bob.test' })
    const { stderr, code } = await move()
    expect(code).toBe(3)
    expect(stderr).toContain(
      `${target.url} is set up for bob.test (did:plc:ewvi7nxzyoun6zhxrhs64oiz), and ${source.did} is to move`,
    )
  })
})
