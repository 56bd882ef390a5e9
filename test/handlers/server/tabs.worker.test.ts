/** Tabs and phones as Bluesky's own client makes them: they share a session, lose answers, and stay signed in. */
import { type AtpSessionData, type AtpSessionEvent, AtpAgent } from '@atproto/api'
import { describe, expect, it } from 'vitest'
import { HANDLE, inWorld, ORIGIN, PASSWORD, type World } from '../support/world.ts'

/** Of some other password. */
const OTHER_HASH = `scrypt$1024$8$1$${'A'.repeat(22)}$${'A'.repeat(43)}`
const HOUR_MS = 3600_000
const REFRESH = '/xrpc/com.atproto.server.refreshSession'

/** What a browser keeps for all tabs of one site. */
interface Storage {
  session: AtpSessionData | undefined
  events: AtpSessionEvent[]
}

interface Tab {
  agent: AtpAgent
  /** The paths of its requests. */
  paths: string[]
  /** Whether the next answer to a refresh is lost on its way. */
  loses: boolean
}

/** A tab of the browser with this storage. It writes its session there, and reads it when it is opened. */
const openTab = async (world: World, storage: Storage): Promise<Tab> => {
  const tab: Tab = {
    paths: [],
    loses: false,
    agent: new AtpAgent({
      service: ORIGIN,
      persistSession: (event, session) => {
        storage.events.push(event)
        // A tab that fails to reach the server keeps what it has.
        if (event === 'create' || event === 'update') storage.session = session
      },
      fetch: async (input, init) => {
        const request = new Request(input, init)
        const { pathname, search } = new URL(request.url)
        tab.paths.push(pathname)
        const answer = await world.fetch(pathname + search, {
          method: request.method,
          headers: request.headers,
          ...(request.method === 'POST' && { body: await request.arrayBuffer() }),
        })
        if (!tab.loses || pathname !== REFRESH) return answer
        tab.loses = false
        await answer.body?.cancel()
        throw new TypeError('the connection was lost')
      },
    }),
  }
  if (storage.session) await tab.agent.resumeSession(storage.session)
  return tab
}

const browser = (): Storage => ({ session: undefined, events: [] })

const signIn = async (world: World, storage: Storage, password = PASSWORD): Promise<Tab> => {
  const tab = await openTab(world, storage)
  await tab.agent.login({ identifier: HANDLE, password })
  return tab
}

/** What each of them does all the time: a read that needs the session. */
const use = async ({ agent }: Tab): Promise<void> => {
  expect((await agent.com.atproto.server.getSession()).data.handle).toBe(HANDLE)
}

describe('AtpAgent', () => {
  it('in five tabs with one session, opened one after the other, stays signed in in each of them', () =>
    inWorld({}, async (world) => {
      const storage = browser()
      const tabs = [await signIn(world, storage)]
      for (let minutes = 0; minutes < 30 * 60; minutes += 5) {
        world.clock.now += 5 * 60_000
        // A tab that is opened refreshes at once, so that the others have an old token each time.
        if (minutes % 10 === 0 && tabs.length < 5) tabs.push(await openTab(world, storage))
        // All of them at the same time, and their access tokens expire at five different ones.
        await Promise.all(tabs.map(use))
      }
      expect(storage.events).not.toContain('expired')
      expect(world.account.sessions.list()).toHaveLength(1)
    }))

  it('that sleeps while another tab refreshes twice stays signed in', () =>
    inWorld({}, async (world) => {
      const storage = browser()
      const awake = await signIn(world, storage)
      const asleep = await openTab(world, storage)
      await awake.agent.sessionManager.refreshSession()
      world.clock.now += HOUR_MS
      await awake.agent.sessionManager.refreshSession()
      await awake.agent.sessionManager.refreshSession()
      world.clock.now += HOUR_MS - 1000
      await asleep.agent.sessionManager.refreshSession()
      await use(asleep)
      // It was brought the newest tokens, so that it goes on as long as the other one.
      world.clock.now += 24 * HOUR_MS
      await use(asleep)
      world.clock.now += 60_000
      await use(awake)
      expect(storage.events).not.toContain('expired')
    }))

  it('that loses the answers to its refreshes tries again for two hours, and stays signed in', () =>
    inWorld({}, async (world) => {
      const storage = browser()
      const phone = await signIn(world, storage)
      world.clock.now += 3 * HOUR_MS
      for (let minutes = 0; minutes < 118; minutes += 30) {
        phone.loses = true
        await expect(use(phone)).rejects.toThrow()
        world.clock.now += 30 * 60_000 - 1000
      }
      await use(phone)
      expect(storage.events).toContain('network-error')
      expect(storage.events).not.toContain('expired')
      world.clock.now += 60 * 24 * HOUR_MS
      await use(phone)
    }))

  it('that was killed after a refresh, before it wrote the answer down, resumes with the old token', () =>
    inWorld({}, async (world) => {
      const storage = browser()
      const before = await signIn(world, storage)
      const written = storage.session
      world.clock.now += 3 * HOUR_MS
      await before.agent.sessionManager.refreshSession()
      storage.session = written
      await world.restart()
      const after = await openTab(world, storage)
      await use(after)
      expect(storage.events).not.toContain('expired')
    }))

  it('is signed out by a token that is used up, and the other tabs are not', () =>
    inWorld({}, async (world) => {
      const storage = browser()
      const awake = await signIn(world, storage)
      const old = browser()
      old.session = storage.session
      await awake.agent.sessionManager.refreshSession()
      world.clock.now += 2 * HOUR_MS
      const asleep = await openTab(world, old).catch((cause: unknown) => cause)
      expect(asleep).toBeInstanceOf(Error)
      expect(old.events).toEqual(['expired'])
      await use(awake)
    }))

  it.for([
    [
      'its app password is revoked',
      ({ admin }: World) => admin.com.atproto.server.revokeAppPassword({ name: 'app' }),
    ],
    ['the owner ends all sessions', ({ admin }: World) => admin.com.cirrus.admin.endSessions({ all: true })],
    ['the account password is another one', ({ restart }: World) => restart({ PASSWORD_HASH: OTHER_HASH })],
  ] as const)(
    'whose session ends because %s is signed out by its next calls, and asks for nothing more',
    ([, end]) =>
      inWorld({}, async (world) => {
        const { password } = await world.admin.com.atproto.server.createAppPassword({ name: 'app' })
        const storage = browser()
        const app = await signIn(world, storage, password)
        await app.agent.post({ text: 'by an app', createdAt: '2026-11-22T00:00:00.000Z' })
        app.paths.length = 0
        await end(world)
        const calls = await Promise.allSettled(Array.from({ length: 5 }, () => use(app)))
        const ended = { status: 400, error: 'ExpiredToken', message: 'this session has ended; sign in again' }
        for (const call of calls) expect(call).toMatchObject({ status: 'rejected', reason: ended })
        expect(app.agent.session).toBeUndefined()
        expect(storage.events).toEqual(['create', 'expired'])
        expect(app.paths.filter((path) => path === REFRESH)).toHaveLength(1)
        expect(app.paths).toHaveLength(5 + 1)
        await expect(use(app)).rejects.toMatchObject({ status: 401, error: 'AuthMissing' })
        expect(app.paths).toHaveLength(5 + 1 + 1)
      }),
  )
})
