// Who moves, who may move them, and what they are asked: before anything else is known to be right.
import { describe, expect, it } from 'vitest'
import { MoverError } from '../../../src/mover/moverError.ts'
import type { Questions } from '../../../src/mover/owner.ts'
import { createWorld, type FakeWorld } from '../fakes/fakeWorld.ts'
import { memoryStore } from '../fakes/memoryStore.ts'
import { refusal } from '../fakes/network.ts'
import { NEW_HANDLE, NEW_PASSWORD, runMove, type RunOptions, stepsOf } from './support.ts'

const CREATE = 'com.atproto.server.createAccount'
const SIGN_IN = 'com.atproto.server.createSession'

const failure = async (world: FakeWorld, options: RunOptions = {}): Promise<MoverError> => {
  try {
    await runMove(world, options)
  } catch (cause) {
    if (cause instanceof MoverError) return cause
    throw cause
  }
  throw new Error('it did not fail')
}

describe('the server that the account is on', () => {
  it('is the one that the DID names, if none is given', async () => {
    const world = await createWorld()
    const { report } = await runMove(world, { from: undefined, account: world.did })
    expect(report).toMatchObject({ ok: true, from: world.source.origin })
  })

  it('is not another one that asks for the password: none is asked for', async () => {
    const world = await createWorld()
    const asked: string[] = []
    const refused = await failure(world, {
      from: 'https://entry.fake-pds.org',
      answers: { sourcePassword: () => (asked.push('password'), world.password) },
    })
    expect(refused).toMatchObject({ code: 'not-its-pds' })
    expect(refused.next).toContain(`--from ${world.source.origin}`)
    expect(asked).toEqual([])
    expect(world.network.requests.filter(({ origin }) => origin.includes('entry'))).toEqual([])
  })

  it('may be an entryway if the owner says so: only the sign-in is there', async () => {
    const world = await createWorld()
    const origin = 'https://entry.fake-pds.org'
    const signIns: string[] = []
    world.network.add(origin, async (sent) => {
      signIns.push(sent.url.pathname.replace('/xrpc/', ''))
      return await world.network.fetch(world.source.origin + sent.url.pathname + sent.url.search, {
        method: sent.method,
        headers: sent.headers,
        ...(sent.bytes.length > 0 ? { body: sent.bytes } : {}),
      })
    })
    const { report } = await runMove(world, { from: origin, options: { entryway: true } })
    expect(report.ok).toBe(true)
    expect(signIns).toEqual([SIGN_IN])
  })

  it('is not the target', async () => {
    const world = await createWorld()
    expect(await failure(world, { from: world.target.origin })).toMatchObject({ code: 'target-is-self' })
  })

  it('after the DID has changed, is still the one that it named before', async () => {
    const world = await createWorld()
    await runMove(world, { options: { until: 'submit' } })
    const other = await failure(world, { from: 'https://other.fake-pds.org', account: world.did })
    expect(other).toMatchObject({ code: 'not-its-pds' })
    expect(other.next).toContain(world.source.origin)
    expect((await runMove(world)).report).toMatchObject({ ok: true, sourceDeactivated: true })
  })

  it('is believed by its log, not by a directory that composes documents', async () => {
    const world = await createWorld()
    world.directory.hooks.push((sent) =>
      sent.url.pathname.endsWith('/log/audit') ? Response.json([]) : undefined,
    )
    expect(await failure(world)).toMatchObject({ code: 'directory-refused' })
  })
})

describe('the sign-in', () => {
  it('with an app password is refused at once, and its session is ended', async () => {
    const world = await createWorld()
    world.account.appPasswords.add('app-password')
    const refused = await failure(world, { answers: { sourcePassword: () => 'app-password' } })
    expect(refused.code).toBe('app-password')
    expect(world.target.calls.get(CREATE)).toBeUndefined()
    expect([...world.source.sessions.values()].filter(({ kind }) => kind === 'refresh')).toEqual([])
  })

  it('with a wrong password says where it was refused', async () => {
    const world = await createWorld()
    const refused = await failure(world, { answers: { sourcePassword: () => 'wrong' } })
    expect(refused).toMatchObject({
      code: 'source-sign-in',
      server: 'AuthenticationRequired',
      message: expect.stringContaining(`${world.source.origin}: `),
    })
  })

  it('asks for the code that the server mails, once', async () => {
    const world = await createWorld({ source: { authFactor: true } })
    const { asked } = await runMove(world)
    expect(asked.filter(({ name }) => name === 'signInCode')).toHaveLength(1)
    expect(world.source.calls.get(SIGN_IN)).toBe(2)
  })
})

describe('the account at the target', () => {
  it('cannot keep a handle of the old server: the owner is asked, and other names stay behind', async () => {
    const world = await createWorld()
    const { asked } = await runMove(world)
    const question = asked.find(({ name }) => name === 'handle')
    expect(question?.asks).toMatchObject({
      why: `${world.handle} belongs to ${world.source.origin}, so it cannot stay`,
      domains: ['.new.fake-pds.org'],
    })
    expect(world.directory.data(world.did)?.alsoKnownAs).toEqual([
      `at://${NEW_HANDLE}`,
      `at://${world.handle}`,
    ])
  })

  it('is asked about again while the handle names somebody else', async () => {
    const world = await createWorld()
    const given = ['not a handle', 'alice.elsewhere.org', NEW_HANDLE]
    const next = () => given.shift() ?? NEW_HANDLE
    expect(await failure(world, { answers: { handle: next } })).toMatchObject({ code: 'handle-needed' })
    world.network.wildcards.push(({ url }) =>
      url.hostname === 'alice.elsewhere.org' && url.pathname === '/.well-known/atproto-did'
        ? new Response('did:plc:ewvi7nxzyoun6zhxrhs64oiz')
        : undefined,
    )
    const { asked } = await runMove(world, { answers: { handle: next } })
    expect(asked.filter(({ name }) => name === 'handle').map(({ asks }) => asks['why'])).toEqual([
      `${world.handle} belongs to ${world.source.origin}, so it cannot stay`,
      `alice.elsewhere.org names did:plc:ewvi7nxzyoun6zhxrhs64oiz, not ${world.did}`,
    ])
  })

  it('takes --handle only if it leads to the DID', async () => {
    const world = await createWorld()
    const options = { options: { handle: 'alice.elsewhere.org' } }
    world.network.wildcards.push(({ url }) =>
      url.hostname === 'alice.elsewhere.org' && url.pathname === '/.well-known/atproto-did'
        ? new Response('did:plc:ewvi7nxzyoun6zhxrhs64oiz')
        : undefined,
    )
    const refused = await failure(world, options)
    expect(refused).toMatchObject({ code: 'handle-unresolved' })
    expect(refused.next).toContain(`_atproto.alice.elsewhere.org TXT "did=${world.did}"`)
    expect(world.target.calls.get(CREATE)).toBeUndefined()
  })

  it('needs an invite code where the server says so, and a wrong one has its own error', async () => {
    const world = await createWorld({ target: { inviteCode: 'new-fake-pds-org-1234' } })
    const refused = await failure(world, { answers: { inviteCode: () => 'guess' } })
    expect(refused).toMatchObject({ code: 'invite-needed', kind: 'needsInput' })
    expect((await runMove(world, { answers: { inviteCode: () => 'new-fake-pds-org-1234' } })).report.ok).toBe(
      true,
    )
  })

  it('that somebody else has made is not moved into without a question that --yes does not cover', async () => {
    const world = await createWorld()
    await world.createAtTarget()
    const no = { answers: { confirm: ({ topic }: { topic: string }) => topic !== 'foundAccount' } }
    expect(await failure(world, no)).toMatchObject({ code: 'account-found' })
    const { asked } = await runMove(world, { answers: { targetPassword: () => 'new password' } })
    expect(asked.find(({ asks }) => asks['topic'] === 'foundAccount')?.asks).toMatchObject({ insists: true })
  })

  it('that a server refused to make is not taken for ours afterwards', async () => {
    const world = await createWorld()
    const hook = {
      before: ({ method }: { method: string }) =>
        method === CREATE ? refusal(400, 'InvalidRequest', 'closed for today') : undefined,
    }
    world.target.hooks.push(hook)
    const store = memoryStore()
    expect(await failure(world, { store })).toMatchObject({ code: 'target-refused' })
    world.target.hooks.splice(0)
    await world.createAtTarget()
    const no = { store, answers: { confirm: ({ topic }: { topic: string }) => topic !== 'foundAccount' } }
    expect(await failure(world, no)).toMatchObject({ code: 'account-found' })
  })
})

describe('secrets', () => {
  it('are in no journal and no event, and every session is ended, also after a failure', async () => {
    const world = await createWorld({
      source: { authFactor: true },
      target: { inviteCode: 'invite-canary-12345' },
    })
    const { store, events } = await runMove(world, { answers: { inviteCode: () => 'invite-canary-12345' } })
    const text = store.lines.join('\n') + JSON.stringify(events)
    const secrets = [
      world.password,
      NEW_PASSWORD,
      'invite-canary-12345',
      world.account.factorCode ?? '',
      ...world.source.sessions.keys(),
      ...world.target.sessions.keys(),
    ]
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(6)
      expect(text).not.toContain(secret)
    }
    const other = await createWorld()
    other.target.hooks.push({
      before: ({ method }) =>
        method === 'com.atproto.repo.importRepo' ? refusal(403, 'Forbidden', 'no') : undefined,
    })
    await failure(other)
    for (const pds of [world.source, world.target, other.source, other.target])
      expect([...pds.sessions.values()].filter(({ kind }) => kind === 'refresh')).toEqual([])
  })
})

describe('how far a move goes', () => {
  it('stops after --until, and the next run goes on', async () => {
    const world = await createWorld()
    const store = memoryStore()
    const first = await runMove(world, { store, options: { until: 'blobs' } })
    expect(first.report).toMatchObject({ reached: 'blobs', activated: false })
    expect(stepsOf(first.events).at(-1)).toBe('blobs done')
    const { report } = await runMove(world, { store })
    expect(report).toMatchObject({ reached: 'report', ok: true })
    expect(world.target.calls.get('com.atproto.repo.uploadBlob')).toBe(3)
  })

  it('a rehearsal does all that can be undone, and the real move uses what is there', async () => {
    const world = await createWorld()
    const store = memoryStore()
    const { report } = await runMove(world, { store, options: { rehearse: true } })
    expect(report).toMatchObject({ rehearsal: true, reached: 'preview', activated: false, ok: true })
    expect(world.directory.log(world.did)).toHaveLength(1)
    expect(world.account).toMatchObject({ active: true, plcCode: undefined })
    expect(world.target.accounts.get(world.did)?.active).toBe(false)
    expect((await runMove(world, { store })).report).toMatchObject({ ok: true, reached: 'report' })
    expect(world.target.calls.get(CREATE)).toBe(1)
    expect(world.target.calls.get('com.atproto.repo.importRepo')).toBe(1)
  })

  it('has nothing to do a second time', async () => {
    const world = await createWorld()
    const store = memoryStore()
    await runMove(world, { store })
    const { report, asked } = await runMove(world, { store })
    expect(report).toMatchObject({ already: true, ok: true, sourceDeactivated: true })
    expect(asked).toEqual([])
  })

  it('deactivates nothing while a blob is missing that the owner has not named', async () => {
    const world = await createWorld()
    const [lost = ''] = world.account.blobs.keys()
    world.account.blobs.delete(lost)
    expect(await failure(world, { answers: { confirm: ({ topic }) => topic !== 'missing' } })).toMatchObject({
      code: 'copy-incomplete',
    })
    expect(world.directory.log(world.did)).toHaveLength(1)
    const names = ({ topic, insists }: Questions['confirm']['asks']) => topic !== 'missing' || !insists
    const { report } = await runMove(world, { answers: { confirm: names } })
    expect(report).toMatchObject({ ok: false, missing: [lost], activated: true, sourceDeactivated: false })
    expect(world.account.active).toBe(true)
    expect(report.next).toContain('run the same command again')
    const after = await runMove(world)
    expect(after.report).toMatchObject({ ok: true, missing: [], sourceDeactivated: true })
    expect(after.report.left).toEqual([expect.stringContaining(lost)])
  })

  it('says that only an undo is left where the target has lost the account that the DID names there', async () => {
    const world = await createWorld()
    await runMove(world, { options: { until: 'submit' } })
    world.target.accounts.delete(world.did)
    const lost = await failure(world, { account: world.did })
    expect(lost).toMatchObject({ code: 'target-lies' })
    expect(lost.next).toContain('pds undo')
    expect(world.account.active).toBe(true)
  })

  it('takes a move over only when asked, and the other one stops', async () => {
    const world = await createWorld()
    const store = memoryStore()
    let other: Promise<unknown> | undefined
    const questions: unknown[] = []
    const takesOver = (asks: { topic: string }) => {
      questions.push(asks)
      return asks.topic !== 'takeOver'
    }
    const email = async () => {
      // While the first one waits for an answer, a second one comes.
      other = failure(world, { store, answers: { confirm: takesOver } })
      await other
      return 'alice@mail.example'
    }
    const { report } = await runMove(world, { store, answers: { email } })
    expect(await other).toMatchObject({ code: 'another-mover' })
    expect(questions).toMatchObject([{ topic: 'takeOver', insists: true }])
    expect(report.ok).toBe(true)
  })

  it('stops at its next step when the owner had another mover take it over', async () => {
    const world = await createWorld()
    const store = memoryStore()
    const email = async () => {
      await runMove(world, { store, options: { until: 'preflight' } })
      return 'alice@mail.example'
    }
    expect(await failure(world, { store, answers: { email } })).toMatchObject({ code: 'another-mover' })
  })
})
