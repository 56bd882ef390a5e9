/** Several writes to one record in one call: an answer for each, and one change in the commit and its event. */
import { describe, expect, it } from 'vitest'
import type { Client } from '../../../src/client/index.ts'
import { checkCommit, type CommitEvent } from '../../../src/contract/areas/firehose/inductive.ts'
import { put, upload } from '../support/blobs.ts'
import { failure } from '../support/calls.ts'
import { inWorld, type World } from '../support/world.ts'

const COLLECTION = 'com.example.thing'
const NOBODY = 'bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'

type Step = ['create' | 'update', number] | ['delete']
type Write = Parameters<Client['com']['atproto']['repo']['applyWrites']>[0]['writes'][number]

const write = (rkey: string, [action, n]: Step): Write =>
  action === 'delete'
    ? { $type: 'com.atproto.repo.applyWrites#delete', collection: COLLECTION, rkey }
    : { $type: `com.atproto.repo.applyWrites#${action}`, collection: COLLECTION, rkey, value: { n } }

const standing = async ({ admin, did, account }: World) => {
  const { rev } = await admin.com.atproto.sync.getLatestCommit({ did })
  return { rev, data: String(account.repo.requireHead().data) }
}

/** Applies writes, and checks the event that they make by a consumer's rules. */
const applied = async (world: World, owner: Client, writes: Write[]) => {
  const before = await standing(world)
  const seq = world.latest()
  const answer = await owner.com.atproto.repo.applyWrites({ repo: world.did, writes })
  const [event, ...more] = world.announced(seq)
  expect(more).toEqual([])
  if (!event) {
    expect(answer.commit).toBeUndefined()
    return { answer, ops: [] }
  }
  // The event's own fields are what is checked.
  const commit = event as unknown as CommitEvent
  expect(await checkCommit(commit, before, world.key.did)).toEqual(await standing(world))
  expect(answer.commit).toEqual({ cid: String(commit.commit), rev: commit.rev })
  return { answer, ops: commit.ops.map(({ action, path }) => `${action} ${path.split('/')[1]}`) }
}

/** What the account has under a key. */
const value = async ({ client, did: repo }: World, rkey: string): Promise<unknown> =>
  client.com.atproto.repo
    .getRecord({ repo, collection: COLLECTION, rkey })
    .then(({ value }) => Object(value).n)
    .catch(() => undefined)

describe('applyWrites with several writes to one key', () => {
  it.each<[string, number | undefined, Step[], string[], number | undefined]>([
    ['a record that is created and deleted', undefined, [['create', 1], ['delete']], [], undefined],
    [
      'one that is created and changed',
      undefined,
      [
        ['create', 1],
        ['update', 2],
      ],
      ['create a'],
      2,
    ],
    [
      'one that is changed twice',
      0,
      [
        ['update', 1],
        ['update', 2],
      ],
      ['update a'],
      2,
    ],
    [
      'one that is changed and changed back',
      0,
      [
        ['update', 1],
        ['update', 0],
      ],
      [],
      0,
    ],
    ['one that is changed and deleted', 0, [['update', 1], ['delete']], ['delete a'], undefined],
    ['one that is deleted and created again', 0, [['delete'], ['create', 1]], ['update a'], 1],
    ['one that is deleted and comes back as it was', 0, [['delete'], ['create', 0]], [], 0],
    [
      'one that comes and goes',
      undefined,
      [['create', 1], ['delete'], ['create', 2], ['update', 3], ['delete'], ['create', 4]],
      ['create a'],
      4,
    ],
  ])('answers each and emits the net change of %s', (_, first, steps, ops, last) =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      if (first !== undefined) await put(owner, world.did, 'a', { n: first })
      const done = await applied(
        world,
        owner,
        steps.map((step) => write('a', step)),
      )
      expect(done.ops).toEqual(ops)
      expect(done.answer.results?.map(({ $type }) => $type.split('#')[1])).toEqual(
        steps.map(([action]) => `${action}Result`),
      )
      // Each answer has the CID of its own record, also of one that is gone by the end.
      const cids = done.answer.results?.map((result) => ('cid' in result ? result.cid : undefined)) ?? []
      steps.forEach(([, n], at) => {
        const same = steps.findIndex(([, other]) => other === n)
        expect(cids[at] === undefined).toBe(n === undefined)
        expect(cids[at]).toBe(cids[same])
      })
      expect(await value(world, 'a')).toBe(last)
    }),
  )

  it('is valid for relays whatever comes together, and refuses what does not fit, wholly', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      const model = new Map<string, number>()
      let random = 7
      const below = (most: number) => (random = (Math.imul(random, 1664525) + 1013904223) >>> 0) % most
      for (let round = 0; round < 40; round++) {
        const next = new Map(model)
        let isValid = true
        const writes = Array.from({ length: 1 + below(8) }, () => {
          const rkey = `r${below(5)}`
          const has = next.has(rkey)
          // One in twenty does not fit.
          const isWrong = below(20) === 0
          isValid &&= !isWrong
          if (has !== isWrong && below(3) === 0) {
            next.delete(rkey)
            return write(rkey, ['delete'])
          }
          const n = below(4)
          next.set(rkey, n)
          return write(rkey, [has !== isWrong ? 'update' : 'create', n])
        })
        const seq = world.latest()
        if (isValid) {
          await applied(world, owner, writes)
          model.clear()
          for (const entry of next) model.set(...entry)
        } else {
          const refused = await failure(owner.com.atproto.repo.applyWrites({ repo: world.did, writes }))
          expect(refused).toMatchObject({ status: 400, error: 'InvalidRequest' })
          expect(world.latest()).toBe(seq)
        }
        for (let at = 0; at < 5; at++) expect(await value(world, `r${at}`)).toBe(model.get(`r${at}`))
      }
      expect((await world.admin.com.cirrus.admin.checkRepo()).problems).toEqual([])
    }))

  it('refers to the blobs that the last of them refers to', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      const [first, second] = [
        await upload(owner, 'one', 'image/png'),
        await upload(owner, 'two', 'image/png'),
      ]
      const create = (blob: unknown): Write => ({ ...write('a', ['create', 1]), value: { blob } }) as Write
      await applied(world, owner, [create(first), write('a', ['delete']), create(second)])
      const { cids } = await world.client.com.atproto.sync.listBlobs({ did: world.did })
      expect(cids).toEqual([second.ref.$link])
      expect((await world.admin.com.cirrus.admin.checkRepo()).problems).toEqual([])
    }))

  it('compares swapRecord with what the key holds, and swapCommit with the latest commit', () =>
    inWorld({}, async ({ did: repo, signIn, latest }) => {
      const owner = await signIn()
      const seq = latest()
      const writes = [write('a', ['create', 1]), write('a', ['delete'])]
      const refused = owner.com.atproto.repo.applyWrites({ repo, writes, swapCommit: NOBODY })
      await expect(refused).rejects.toMatchObject({ error: 'InvalidSwap' })
      expect(latest()).toBe(seq)
    }))
})

it.each([null, { n: 1 }])('deletes by a deletion that has a field `value`, too: %j', (extra) =>
  inWorld({}, async (world) => {
    const owner = await world.signIn()
    await applied(world, owner, [write('a', ['create', 0])])
    const deletion = { ...write('a', ['delete']), value: extra } as Write
    expect((await applied(world, owner, [deletion])).ops).toEqual(['delete a'])
    expect(await value(world, 'a')).toBeUndefined()
  }),
)
