/** Whether a request may act is asked again after its body has come, and in the transaction that acts. */
import { describe, expect, it } from 'vitest'
import { readStaging } from '../../src/account/db/head.ts'
import { bytesOf, failure, logIn, partOf, post } from './support/calls.ts'
import { changeDid, moveTo, pdsAt, targeted } from './support/did.ts'
import { newKey } from './support/keys.ts'
import { halves, outcome, slowly } from './support/slow.ts'
import { HANDLE, inWorld, PASSWORD, TARGET, type World } from './support/world.ts'

const ENDED: [number, string] = [400, 'ExpiredToken']

/** Something happens while the directory is asked, once. */
const whileAsked = ({ directory }: World, happens: () => void): void => {
  directory.before = () => {
    directory.before = undefined
    happens()
  }
}

const endSession = ({ account }: World, jwt: string): void =>
  void account.sessions.end(partOf<{ sid: string }>(jwt, 1).sid)

const record = (repo: string) => ({
  repo,
  collection: 'com.example.thing',
  record: { $type: 'com.example.thing', text: 'late' },
})

describe('a request whose session ends', () => {
  it.for([
    ['com.atproto.repo.createRecord', record],
    ['com.atproto.repo.putRecord', (repo: string) => ({ ...record(repo), rkey: 'one' })],
    [
      'com.atproto.repo.applyWrites',
      (repo: string) => ({
        repo,
        writes: [
          { $type: 'com.atproto.repo.applyWrites#create', collection: 'com.example.thing', value: {} },
        ],
      }),
    ],
    [
      'com.atproto.repo.deleteRecord',
      (repo: string) => ({ repo, collection: 'com.example.thing', rkey: 'one' }),
    ],
    ['app.bsky.actor.putPreferences', () => ({ preferences: [] })],
    ['com.atproto.server.deactivateAccount', () => ({})],
  ] as const)('while its body is on its way changes nothing: %s', ([method, input]) =>
    inWorld({}, async (world) => {
      const { accessJwt, refreshJwt } = await logIn(world.client)
      const before = [await world.head(), world.latest(), world.account.state()]
      const slow = await slowly(world, method, {
        token: accessJwt,
        ...halves({ pad: 1, ...input(world.did) }),
      })
      await world.bearer(refreshJwt).com.atproto.server.deleteSession()
      slow.finish()
      expect(await outcome(slow.answer)).toEqual(ENDED)
      expect([await world.head(), world.latest(), world.account.state()]).toEqual(before)
    }),
  )

  it('while it waits for its turn writes nothing', () =>
    inWorld({}, async (world) => {
      const { accessJwt } = await logIn(world.client)
      const before = await world.head()
      const turn = Promise.withResolvers<void>()
      const other = world.account.repo.exclusive(() => turn.promise)
      const writing = failure(post(world.bearer(accessJwt), world.did))
      await new Promise((resolve) => setTimeout(resolve, 10))
      endSession(world, accessJwt)
      turn.resolve()
      await other
      expect(await writing).toMatchObject({ error: 'ExpiredToken' })
      expect(await world.head()).toEqual(before)
    }))

  it('while the directory is asked does not activate the account, and what the directory says is kept', () =>
    inWorld({ active: false }, async (world) => {
      await world.account.repo.create()
      await world.admin.com.atproto.server.activateAccount()
      await world.admin.com.atproto.server.deactivateAccount({})
      const { accessJwt } = await logIn(world.client)
      whileAsked(world, () => endSession(world, accessJwt))
      const activating = world.bearer(accessJwt).com.atproto.server.activateAccount()
      await expect(activating).rejects.toMatchObject({ error: 'ExpiredToken' })
      expect(world.account.state()).toBe('deactivated')
      await changeDid(world, world.recovery, { services: pdsAt(TARGET) })
      const again = await logIn(world.client)
      whileAsked(world, () => endSession(world, again.accessJwt))
      await failure(world.bearer(again.accessJwt).com.atproto.server.activateAccount())
      expect(world.journal()).toContain('moved-away')
    }))

  it('while the directory is asked submits no operation', () =>
    inWorld({}, async (world) => {
      const { accessJwt } = await logIn(world.client)
      const { data, cid } = await world.account.identity.directory.head(world.did)
      if (!data) throw new Error('tombstoned')
      const unsigned = { type: 'plc_operation' as const, ...data, prev: cid }
      const operation = { ...(await world.key.rotation.signOperation(unsigned)) }
      whileAsked(world, () => endSession(world, accessJwt))
      await expect(
        world.bearer(accessJwt).com.atproto.identity.submitPlcOperation({ operation }),
      ).rejects.toMatchObject({ error: 'ExpiredToken' })
      expect((await world.account.identity.directory.head(world.did)).cid).toBe(cid)
    }))

  it('while an import arrives imports nothing, and leaves nothing', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      const car = await bytesOf(await owner.com.atproto.sync.getRepo({ did: world.did }))
      await post(owner, world.did)
      const before = await world.head()
      const { accessJwt } = await logIn(world.client)
      const slow = await slowly(world, 'com.atproto.repo.importRepo', {
        token: accessJwt,
        type: 'application/vnd.ipld.car',
        sent: car.slice(0, car.length - 10),
        rest: car.slice(car.length - 10),
      })
      endSession(world, accessJwt)
      slow.finish()
      expect(await outcome(slow.answer)).toEqual(ENDED)
      expect(await world.head()).toEqual(before)
      expect(readStaging(world.account.sql)).toBeUndefined()
      expect(world.account.sql.all('SELECT n FROM staged')).toEqual([])
      await post(owner, world.did)
    }))

  it('while an import arrives holds up nobody by sending it slowly', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      const records = Array.from({ length: 100 }, (_, n) => ({
        $type: 'com.atproto.repo.applyWrites#create' as const,
        collection: 'com.example.thing',
        value: { $type: 'com.example.thing', text: `${n}`.padEnd(9000, 'x') },
      }))
      await owner.com.atproto.repo.applyWrites({ repo: world.did, writes: records })
      const car = await bytesOf(await owner.com.atproto.sync.getRepo({ did: world.did }))
      await post(owner, world.did)
      const { accessJwt } = await logIn(world.client)
      // The body goes on, and never ends.
      const parts = [car.slice(0, 400_000), car.slice(400_000, 800_000)]
      const asked = Promise.withResolvers<void>()
      let sendMore = (): void => {}
      const body = new ReadableStream<Uint8Array>(
        {
          pull: (controller) => {
            const part = parts.shift()
            if (part && parts.length === 1) return controller.enqueue(part)
            asked.resolve()
            return new Promise((resolve) => {
              sendMore = () => {
                if (part) controller.enqueue(part)
                resolve()
              }
            })
          },
        },
        { highWaterMark: 0 },
      )
      const answer = world.fetch('/xrpc/com.atproto.repo.importRepo', {
        method: 'POST',
        headers: { authorization: `Bearer ${accessJwt}`, 'content-type': 'application/vnd.ipld.car' },
        body,
        duplex: 'half',
      } as RequestInit)
      await asked.promise
      await expect.poll(() => readStaging(world.account.sql)).toBeDefined()
      endSession(world, accessJwt)
      sendMore()
      expect(await outcome(answer)).toEqual(ENDED)
      expect(readStaging(world.account.sql)).toBeUndefined()
      await post(owner, world.did)
    }))

  it('while a blob arrives stores no blob', () =>
    inWorld({}, async (world) => {
      const { accessJwt } = await logIn(world.client)
      const slow = await slowly(world, 'com.atproto.repo.uploadBlob', {
        token: accessJwt,
        type: 'text/plain',
        sent: 'half',
        rest: 'and half',
      })
      endSession(world, accessJwt)
      slow.finish()
      expect(await outcome(slow.answer)).toEqual(ENDED)
      expect(world.account.sql.all('SELECT cid FROM blob')).toEqual([])
      expect(world.account.sql.all('SELECT key FROM blob_loose')).toEqual([])
    }))

  it('while its DID is looked up gets no new tokens', () =>
    inWorld({}, async (world) => {
      const { refreshJwt } = await logIn(world.client)
      world.clock.now += 3600_000
      whileAsked(world, () => endSession(world, refreshJwt))
      await expect(world.bearer(refreshJwt).com.atproto.server.refreshSession()).rejects.toMatchObject({
        error: 'ExpiredToken',
      })
    }))
})

describe('a request whose access token expires', () => {
  it('while its body is on its way changes nothing', () =>
    inWorld({}, async (world) => {
      const { accessJwt } = await logIn(world.client)
      world.clock.now += 2 * 3600_000 - 1000
      const before = await world.head()
      const input = halves(record(world.did))
      const slow = await slowly(world, 'com.atproto.repo.createRecord', { token: accessJwt, ...input })
      world.clock.now += 2000
      slow.finish()
      expect(await outcome(slow.answer)).toEqual([400, 'ExpiredToken'])
      expect(await world.head()).toEqual(before)
    }))
})

const expire = ({ clock }: World): void => {
  clock.now += 15 * 60_000
}
const revoke = ({ account }: World): void => {
  account.migrationTokens.revoke()
}

describe('a signature', () => {
  it.for([
    ['has expired', 'ExpiredToken', expire],
    ['was revoked', 'InvalidToken', revoke],
  ] as const)('is not made where the token %s while the body was on its way', ([, error, happens]) =>
    inWorld({}, async (world) => {
      const token = await world.mint(targeted)
      const input = halves(moveTo(await newKey()))
      const slow = await slowly(world, 'com.atproto.identity.signPlcOperation', { token, ...input })
      happens(world)
      slow.finish()
      expect(await outcome(slow.answer)).toEqual([400, error])
      expect(world.journal()).not.toContain('sign')
    }),
  )

  it.for([
    ['has expired', 'ExpiredToken', expire],
    ['was revoked', 'InvalidToken', revoke],
  ] as const)('is not made where the token %s while the directory was asked', ([, error, happens]) =>
    inWorld({}, async (world) => {
      for (const inBody of [true, false]) {
        const token = await world.mint(targeted)
        const input = { ...moveTo(await newKey()), ...(inBody && { token }) }
        const caller = inBody ? await world.signIn() : world.bearer(token)
        whileAsked(world, () => happens(world))
        const refused = await failure(caller.com.atproto.identity.signPlcOperation(input))
        expect([inBody, refused.error]).toEqual([inBody, error])
      }
      expect(world.journal()).not.toContain('sign')
    }),
  )

  it('is not given again to a token that was revoked', () =>
    inWorld({}, async (world) => {
      const token = await world.mint(targeted)
      const input = moveTo(await newKey())
      await world.bearer(token).com.atproto.identity.signPlcOperation(input)
      const slow = await slowly(world, 'com.atproto.identity.signPlcOperation', { token, ...halves(input) })
      world.account.migrationTokens.revoke()
      slow.finish()
      expect(await outcome(slow.answer)).toEqual([400, 'InvalidToken'])
    }))
})

describe('a deactivation by token', () => {
  it('does not happen where the token was revoked while the directory was asked', () =>
    inWorld({}, async (world) => {
      const token = await world.mint(targeted)
      await changeDid(world, world.key, { services: pdsAt(TARGET) })
      whileAsked(world, () => void world.account.migrationTokens.revoke())
      await expect(world.bearer(token).com.atproto.server.deactivateAccount({})).rejects.toMatchObject({
        error: 'InvalidToken',
      })
      expect(world.account.isActivated()).toBe(true)
    }))
})

describe('an export', () => {
  it('that began in time ends well', () =>
    inWorld({}, async (world) => {
      const token = await world.mint()
      const whole = await bytesOf(await world.admin.com.atproto.sync.getRepo({ did: world.did }))
      const { body } = await world.bearer(token).com.atproto.sync.getRepo({ did: world.did })
      world.clock.now += 3600_000
      world.account.migrationTokens.revoke()
      expect(await bytesOf({ body })).toEqual(whole)
    }))
})

describe('a body that does not come', () => {
  const ring = ({ timers }: World, ms: number): void => {
    expect([...timers].map((timer) => timer.ms)).toEqual([ms])
    for (const timer of timers) timer.ring()
  }

  it('ends after 10 seconds for a stranger, and after 30 for the owner', () =>
    inWorld({}, async (world) => {
      const signIn = halves({ identifier: HANDLE, password: PASSWORD })
      const strange = await slowly(world, 'com.atproto.server.createSession', signIn)
      ring(world, 10_000)
      expect(await outcome(strange.answer)).toEqual([408, 'RequestTimeout'])
      const { accessJwt } = await logIn(world.client)
      const input = halves(record(world.did))
      const known = await slowly(world, 'com.atproto.repo.createRecord', { token: accessJwt, ...input })
      ring(world, 30_000)
      expect(await outcome(known.answer)).toEqual([408, 'RequestTimeout'])
      const empty = await slowly(world, 'com.atproto.server.activateAccount', {
        token: accessJwt,
        sent: ' ',
        rest: ' ',
      })
      ring(world, 30_000)
      expect(await outcome(empty.answer)).toEqual([408, 'RequestTimeout'])
      expect(world.timers.size).toBe(0)
    }))

  it('is not waited for longer where it was refused', () =>
    inWorld({}, async (world) => {
      const refused = await slowly(world, 'com.atproto.repo.createRecord', halves(record(world.did)))
      ring(world, 10_000)
      expect(await outcome(refused.answer)).toEqual([401, 'AuthMissing'])
      expect(world.timers.size).toBe(0)
    }))

  it('ends an upload and an import after a minute, and leaves nothing', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      const { accessJwt: token } = await logIn(world.client)
      const car = await bytesOf(await owner.com.atproto.sync.getRepo({ did: world.did }))
      const before = await world.head()
      const sent = car.slice(0, car.length - 10)
      const uploading = await slowly(world, 'com.atproto.repo.uploadBlob', {
        token,
        type: 'text/plain',
        sent: 'half',
        rest: '',
      })
      ring(world, 60_000)
      expect(await outcome(uploading.answer)).toEqual([408, 'RequestTimeout'])
      const importing = await slowly(world, 'com.atproto.repo.importRepo', {
        token,
        type: 'application/vnd.ipld.car',
        sent,
        rest: '',
      })
      ring(world, 60_000)
      expect(await outcome(importing.answer)).toEqual([408, 'RequestTimeout'])
      expect(await world.head()).toEqual(before)
      expect(world.account.sql.all('SELECT key FROM blob_loose')).toEqual([])
      expect(readStaging(world.account.sql)).toBeUndefined()
      expect(world.timers.size).toBe(0)
      await post(owner, world.did)
    }))
})
