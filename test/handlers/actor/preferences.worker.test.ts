import { describe, expect, it } from 'vitest'
import { upload } from '../support/blobs.ts'
import { logIn } from '../support/calls.ts'
import { HANDLE, inWorld, type World } from '../support/world.ts'

const details = (birthDate: string) => ({ $type: 'app.bsky.actor.defs#personalDetailsPref', birthDate })
const age = (isOverAge13: boolean, isOverAge16: boolean, isOverAge18: boolean) => ({
  $type: 'app.bsky.actor.defs#declaredAgePref',
  ...{ isOverAge13, isOverAge16, isOverAge18 },
})
const adult = { $type: 'app.bsky.actor.defs#adultContentPref', enabled: true }
const feeds = { $type: 'app.bsky.actor.defs#savedFeedsPref', pinned: [], saved: [] }

/** The preferences as the owner and as an app with an app password have them. */
const callers = async ({ admin, client, bearer, signIn }: World, privileged = false) => {
  const app = await admin.com.atproto.server.createAppPassword({ name: `app ${privileged}`, privileged })
  const { accessJwt } = await logIn(client, HANDLE, app.password)
  const of = ({ app: { bsky } }: Awaited<ReturnType<World['signIn']>>) => ({
    get: async () => (await bsky.actor.getPreferences()).preferences,
    put: (...preferences: { $type: string }[]) => bsky.actor.putPreferences({ preferences }),
  })
  return { owner: of(await signIn()), app: of(bearer(accessJwt)) }
}

describe('getPreferences', () => {
  it('gives what putPreferences put, links, bytes and blobs too', () =>
    inWorld({}, async ({ signIn }) => {
      const owner = await signIn()
      const blob = await upload(owner, 'x', 'text/plain')
      const preferences = [
        {
          $type: 'app.bsky.actor.defs#somethingNew',
          link: blob.ref,
          bytes: { $bytes: 'AAEC' },
          blob,
          list: [{ deep: blob.ref }],
        },
      ]
      await owner.app.bsky.actor.putPreferences({ preferences })
      expect(await owner.app.bsky.actor.getPreferences()).toEqual({ preferences })
    }))
})

describe('personal details', () => {
  it.each([false, true])(
    'are hidden from app passwords (privileged: %j), and kept when they put',
    (privileged) =>
      inWorld({}, async (world) => {
        const { owner, app } = await callers(world, privileged)
        await owner.put(details('1990-05-01T00:00:00.000Z'), adult)
        expect(await app.get()).toEqual([adult, age(true, true, true)])
        await app.put(feeds)
        expect(await app.get()).toEqual([feeds, age(true, true, true)])
        expect(await owner.get()).toEqual([details('1990-05-01T00:00:00.000Z'), feeds, age(true, true, true)])
        await app.put()
        expect(await owner.get()).toEqual([details('1990-05-01T00:00:00.000Z'), age(true, true, true)])
        await owner.put(adult)
        expect(await owner.get()).toEqual([adult])
        expect(await app.get()).toEqual([adult])
      }),
  )

  it('are refused from an app password with InvalidRequest, and nothing is put', () =>
    inWorld({}, async (world) => {
      const { owner, app } = await callers(world)
      await owner.put(details('1990-05-01T00:00:00.000Z'), adult)
      await expect(app.put(feeds, details('2001-01-01T00:00:00.000Z'))).rejects.toMatchObject({
        status: 400,
        error: 'InvalidRequest',
        message: expect.stringContaining('personalDetailsPref'),
      })
      expect(await owner.get()).toEqual([details('1990-05-01T00:00:00.000Z'), adult, age(true, true, true)])
    }))

  it('are seen by the admin and by a migration token: a move takes them along', () =>
    inWorld({}, async (world) => {
      const { owner } = await callers(world)
      await owner.put(details('1990-05-01T00:00:00.000Z'))
      const want = [details('1990-05-01T00:00:00.000Z'), age(true, true, true)]
      for (const reader of [world.admin, world.bearer(await world.mint({ scope: ['preferences:read'] }))])
        expect((await reader.app.bsky.actor.getPreferences()).preferences).toEqual(want)
    }))

  it.each([
    ['2013-11-23', age(false, false, false)],
    ['2013-11-22', age(true, false, false)],
    ['2010-11-23', age(true, false, false)],
    ['2010-11-22', age(true, true, false)],
    ['2008-11-23', age(true, true, false)],
    ['2008-12-01', age(true, true, false)],
    ['2008-11-22', age(true, true, true)],
    ['2008-02-29', age(true, true, true)],
  ])('of somebody born on %s give these ages on 22 November 2026', (day, want) =>
    inWorld({}, async (world) => {
      const { owner } = await callers(world)
      await owner.put(details(`${day}T00:00:00.000Z`))
      expect((await owner.get()).at(-1)).toEqual(want)
    }),
  )

  it('alone make the declared age: one that is put is not stored', () =>
    inWorld({}, async (world) => {
      const { owner, app } = await callers(world)
      await app.put(age(true, true, true), adult)
      expect(await owner.get()).toEqual([adult])
      await owner.put(details('2020-01-01T00:00:00.000Z'), age(true, true, true))
      expect(await app.get()).toEqual([age(false, false, false)])
    }))
})

describe('putPreferences', () => {
  it.each(['com.example.pref', 'app.bskyx.pref', 'chat.bsky.actor.defs#x', 'app.bsky'])(
    'answers InvalidRequest to a preference of the type %s',
    ($type) =>
      inWorld({}, async (world) => {
        const { owner } = await callers(world)
        await owner.put(adult)
        await expect(owner.put(feeds, { $type })).rejects.toMatchObject({
          status: 400,
          error: 'InvalidRequest',
        })
        expect(await owner.get()).toEqual([adult])
      }),
  )
})
