import { Buffer } from 'node:buffer'
import { MemoryBlockstore, readCarWithRoot, verifyRepoCar } from '@atproto/repo'
import { expect } from 'vitest'
import { FAULT_POINTS } from '../../../src/fault.ts'
import type { Random } from '../../fuzz/random.ts'
import { Model, recordCid, type Record, type Tree } from './model.ts'
import { ADMIN, type Answer, Died, DID, type Server, signingKey } from './server.ts'

const HOUR = 3600_000
const PLACES = ['com.example.thing', 'com.example.other'].flatMap((collection) =>
  ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((rkey) => ({ collection, rkey })),
)

interface World {
  server: Server
  model: Model
  random: Random
  /** The owner's session. */
  auth: string
}

type Step = (world: World) => Promise<void>

interface Write {
  action: 'create' | 'update' | 'delete'
  collection: string
  rkey: string
  record: { [name: string]: unknown }
}

const aWrite = ({ model, random }: World, place = random.pick(PLACES)): Write => {
  const { collection, rkey } = place
  const known = model.tree.has(`${collection}/${rkey}`)
  const action = known ? random.pick(['update', 'update', 'delete'] as const) : 'create'
  // Only a few texts, so that records share blocks, disappear and come back.
  const record: Write['record'] = { $type: collection, n: random.int(5) }
  const blob = [...model.blobs.values()][random.int(model.blobs.size * 2)]
  if (blob) record.blob = { $type: 'blob', ref: { $link: blob.cid }, mimeType: 'text/plain', size: blob.size }
  return { action, collection, rkey, record }
}

const applied = async (tree: Tree, writes: readonly Write[]): Promise<Tree> => {
  const next = new Map(tree)
  for (const { action, collection, rkey, record } of writes) {
    const path = `${collection}/${rkey}`
    if (action === 'delete') next.delete(path)
    else {
      const { blob } = record as { blob?: { ref: { $link: string } } } // as aWrite made it
      const entry: Record = { cid: await recordCid(record), blob: blob?.ref.$link }
      next.set(path, entry)
    }
  }
  return next
}

const lines = (server: Server): Promise<string[]> =>
  server.inside((account) => [...account.records.entries()].map(({ path, cid }) => `${path} ${cid}`))

/** After a death the write may have been done or not: the state must be one or the other. */
const either = async ({ server, model }: World, next: Tree): Promise<void> => {
  const found = await lines(server)
  const before = JSON.stringify(found.toSorted()) === JSON.stringify(Model.lines(model.tree))
  model.expectTree(found, before ? model.tree : next)
  if (!before) model.tree = next
}

/** Sends the request; gives undefined if the object died. It has then been started again. */
const survive = async <T>(world: World, work: () => Promise<T>): Promise<T | undefined> => {
  try {
    const answer = await work()
    // The object may have died after it sent the answer.
    await world.server.died()
    return answer
  } catch (cause) {
    if (!(cause instanceof Died)) throw cause
    await world.server.died()
    return undefined
  }
}

const committed = ({ model }: World, answer: Answer): void => {
  const { commit } = answer.body
  if (!commit) return
  expect(commit.rev > model.rev).toBe(true)
  model.rev = commit.rev
  model.commits.set(commit.rev, commit.cid)
}

const change =
  (call: (world: World, writes: Write[]) => Promise<Answer>, count: (random: Random) => number): Step =>
  async (world) => {
    const { model, random } = world
    const places = PLACES.toSorted(() => random.int(3) - 1).slice(0, count(random))
    const writes = places.map((place) => aWrite(world, place))
    const next = await applied(model.tree, writes)
    const answer = await survive(world, () => call(world, writes))
    if (!answer) return either(world, next)
    if (!model.active) return expect([400, 403]).toContain(answer.status)
    expect([answer.status, answer.body.message]).toEqual([200, undefined])
    committed(world, answer)
    model.tree = next
  }

const one = change(
  ({ server, auth }, [write]) => {
    if (!write) throw new Error('no write')
    const { action, record, ...place } = write
    const id = ({ create: 'createRecord', update: 'putRecord', delete: 'deleteRecord' } as const)[action]
    return server.call(`com.atproto.repo.${id}`, {
      auth,
      body: { repo: DID, ...place, ...(action === 'delete' ? {} : { record }) },
    })
  },
  () => 1,
)

const many = change(
  ({ server, auth }, writes) =>
    server.call('com.atproto.repo.applyWrites', {
      auth,
      body: {
        repo: DID,
        writes: writes.map(({ action, record, ...place }) => ({
          $type: `com.atproto.repo.applyWrites#${action}`,
          ...place,
          ...(action === 'delete' ? {} : { value: record }),
        })),
      },
    }),
  (random) => 2 + random.int(5),
)

const upload: Step = async (world) => {
  const { server, model, random, auth } = world
  const text = `blob ${random.int(6)}`
  const answer = await survive(world, () =>
    server.call('com.atproto.repo.uploadBlob', { auth, body: Buffer.from(text), type: 'text/plain' }),
  )
  if (!answer) return
  expect(answer.status).toBe(200)
  const cid: string = answer.body.blob.ref.$link
  model.blobs.set(cid, { cid, text, size: text.length, until: server.clock.now + 24 * HOUR })
}

const treeOf = (
  creates: readonly { collection: string; rkey: string; cid: { toString(): string } }[],
): string[] => creates.map(({ collection, rkey, cid }) => `${collection}/${rkey} ${cid}`)

const verified = async (car: Uint8Array): Promise<string[]> =>
  treeOf((await verifyRepoCar(car, DID, signingKey.did)).creates)

/** A complete export, sometimes with a write while it runs; the reference verifies it. */
const exported: Step = async (world) => {
  const { server, model, random } = world
  const tree = model.tree
  const response = await server.stream('com.atproto.sync.getRepo', { params: { did: DID }, auth: ADMIN })
  expect(response.status).toBe(200)
  const reader = response.body?.getReader()
  const parts: Uint8Array[] = []
  const { lives } = server
  try {
    for (let chunk = await reader?.read(); chunk && !chunk.done; chunk = await reader?.read()) {
      parts.push(chunk.value)
      if (parts.length === 1 && model.active && random.chance(0.4)) await one(world)
    }
  } catch (cause) {
    // The object died meanwhile. If the export ended without an error, it would have to be complete.
    if (server.lives > lives) return
    throw cause
  }
  const car = new Uint8Array(Buffer.concat(parts))
  expect(await verified(car)).toHaveLength(tree.size)
  model.expectTree(await verified(car), tree)
  const { root, blocks } = await readCarWithRoot(car)
  const { rev }: { rev: string } = await new MemoryBlockstore(blocks).readObj(root, COMMIT)
  model.exports.push({ rev, car, tree })
}

/** A definition for the reference's store: any map with a revision. */
const COMMIT = {
  name: 'commit',
  schema: { safeParse: (data: unknown) => ({ success: true, data }) },
} as never

/** An old export and an export since its revision make the present tree. */
const since: Step = async (world) => {
  const { server, model, random } = world
  const base = model.exports[random.int(model.exports.length)]
  if (!base) return exported(world)
  const answer = await server.call('com.atproto.sync.getRepo', {
    params: { did: DID, since: base.rev },
    auth: ADMIN,
  })
  expect(answer.status).toBe(200)
  const { root, blocks } = await readCarWithRoot(answer.bytes)
  blocks.addMap((await readCarWithRoot(base.car)).blocks)
  const { verifyRepo } = await import('@atproto/repo')
  model.expectTree(treeOf((await verifyRepo(blocks, root, DID, signingKey.did)).creates))
}

const deactivate: Step = async (world) => {
  const answer = await survive(world, () =>
    world.server.call('com.atproto.server.deactivateAccount', { auth: ADMIN, body: {} }),
  )
  if (answer) expect(answer.status).toBe(200)
  const stored = await world.server.inside((account) => account.state())
  if (answer) expect(stored).toBe('deactivated')
  world.model.active = stored === 'active'
}

const activate: Step = async (world) => {
  const answer = await survive(world, () =>
    world.server.call('com.atproto.server.activateAccount', { auth: ADMIN }),
  )
  if (answer) expect([answer.status, answer.body?.message]).toEqual([200, undefined])
  const stored = await world.server.inside((account) => account.state())
  if (answer) expect(stored).toBe('active')
  world.model.active = stored === 'active'
}

/** Imports a backup while deactivated: all of it, or nothing. */
const imported: Step = async (world) => {
  const { server, model, random, auth } = world
  const backup = model.exports[random.int(model.exports.length)]
  if (!backup) return exported(world)
  if (model.active) await deactivate(world)
  if (model.active) return
  const cut = random.chance(0.2)
  const car = cut ? backup.car.slice(0, random.int(backup.car.length)) : backup.car
  const answer = await survive(world, () =>
    server.call('com.atproto.repo.importRepo', { auth, body: car, type: 'application/vnd.ipld.car' }),
  )
  if (!answer) return either(world, backup.tree)
  // If the cut is between two blocks and the account still has all that is missing, the import succeeds.
  expect(cut ? [200, 400] : [200]).toContain(answer.status)
  if (answer.status === 200) model.tree = backup.tree
}

const mint: Step = async (world) => {
  const { server, model } = world
  const body = { target: 'https://new.example.com', audience: 'did:web:new.example.com' }
  const answer = await survive(world, () =>
    server.call('com.cirrus.admin.createMigrationToken', { auth: ADMIN, body }),
  )
  // At most ten an hour.
  if (!answer || answer.status === 429) return
  expect(answer.status).toBe(200)
  model.minted.push(answer.body.jti)
  await sign(world, answer.body.token, answer.body.jti)
}

const sign = async (world: World, token: string, jti: string): Promise<void> => {
  const { server, model, random } = world
  if (random.chance(0.4)) return
  const body = {
    services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: 'https://new.example.com' } },
  }
  const ask = () => server.call('com.atproto.identity.signPlcOperation', { auth: `Bearer ${token}`, body })
  const answer = (await survive(world, ask)) ?? (await survive(world, ask))
  if (!answer) return
  expect([answer.status, answer.body.message]).toEqual([200, undefined])
  model.signed.set(jti, { operation: JSON.stringify(answer.body.operation), request: { token, body } })
  const again = await survive(world, ask)
  if (again) expect(again.body).toEqual(answer.body)
}

/** Takes one of three handles; the DID has it, too, or the account has the one from before and it can be done again. */
const rename: Step = async (world) => {
  const { server, model, random } = world
  const handle = `${random.pick(['one', 'two', 'three'])}.test`
  const ask = () => server.call('com.cirrus.admin.updateHandle', { auth: ADMIN, body: { handle } })
  const before = await server.inside((account) => account.handle)
  const first = await survive(world, ask)
  if (!first) expect([before, handle]).toContain(await server.inside((account) => account.handle))
  const answer = first ?? (await survive(world, ask))
  // Not while it is deactivated, and at most ten in five minutes.
  if (!answer || answer.status === 429) return
  if (!model.active) return expect(answer.status).toBe(403)
  expect([answer.status, answer.body.message]).toEqual([200, undefined])
  expect(await server.inside((account) => account.handle)).toBe(handle)
  expect(server.directory.head(DID).operation).toMatchObject({ alsoKnownAs: [`at://${handle}`] })
}

/** Writes are fenced off for a moment, and taken again. */
const fence: Step = async (world) => {
  const { server, model } = world
  const set = (minutes: number) =>
    survive(world, () => server.call('com.cirrus.admin.fenceWrites', { auth: ADMIN, body: { minutes } }))
  if (!model.active) return
  if (await set(5)) {
    const body = { repo: DID, collection: 'com.example.fenced', record: { $type: 'com.example.fenced' } }
    const refused = await survive(world, () =>
      server.call('com.atproto.repo.createRecord', { auth: world.auth, body }),
    )
    if (refused) expect(refused.status).toBe(503)
  }
  const lifted = (await set(0)) ?? (await set(0))
  expect([lifted?.status, lifted?.body]).toEqual([200, {}])
}

/** What the alarm does, hours later. */
const chores: Step = async (world) => {
  const { server, model, random } = world
  // Dropped blocks are left out of a pack after a day, and deleted an hour later.
  for (const hours of random.pick([[0], [1], [2], [25], [25, 1]])) {
    server.clock.now += hours * HOUR + 10
    await survive(world, () => server.alarm())
  }
  const referred = model.referred()
  for (const { cid, until } of [...model.blobs.values()])
    if (until <= server.clock.now && !referred.has(cid)) model.blobs.delete(cid)
}

const STEPS: readonly (readonly [number, Step])[] = [
  [8, one],
  [5, many],
  [3, upload],
  [3, exported],
  [2, since],
  [2, imported],
  [1, mint],
  [1, rename],
  [1, fence],
  [1, deactivate],
  [3, chores],
  [1, ({ server }) => server.abort()],
  [0.5, ({ server }) => server.abort(false)],
]
const TOTAL = STEPS.reduce((sum, [weight]) => sum + weight, 0)

const choose = (random: Random): Step => {
  let at = (random.int(1000) / 1000) * TOTAL
  for (const [weight, step] of STEPS) if ((at -= weight) < 0) return step
  return one
}

const NAMES = new Map<Step, string>(
  Object.entries({
    one,
    many,
    upload,
    exported,
    since,
    imported,
    mint,
    rename,
    fence,
    deactivate,
    activate,
    chores,
  }).map(([name, made]) => [made, name]),
)

/**
 * The steps at which a schedule kills the object. A change of the signing key needs other secrets, which an object gets
 * when it starts: test/handlers/admin/rotateSigningKey.worker.test.ts kills it there. No schedule deletes the account, after
 * which nothing could follow: test/handlers/admin/deleteAccount.worker.test.ts does. None moves it away, and none fetches a
 * repository: test/handlers/admin/retention.worker.test.ts, pullRepo.worker.test.ts and uploadRepo.worker.test.ts do. The
 * backup into the bucket changes nothing of the account: test/account/backup.worker.test.ts kills it. How apps sign in is
 * killed in test/oauth/faults.worker.test.ts.
 */
export const POINTS = FAULT_POINTS.filter(
  (name) => !/^(changeKey|delete|retention|backup|pull|didWeb|oauth)\./.test(name),
)

const trace = ({ server, model }: World, next: Step): void => {
  model.trace.push(`${NAMES.get(next) ?? 'restart'}${server.armed ? ` (${server.armed})` : ''}`)
}

/**
 * Takes one step, chosen by the seed: one thing that may happen to an account, during which the object may die. It leaves
 * the model as the account must be.
 */
export const step = async (world: World): Promise<void> => {
  const { server, random, model } = world
  server.clock.now += 1 + random.int(1000)
  const next = !model.active && random.chance(0.5) ? activate : choose(random)
  const points = next === chores ? POINTS.filter((name) => /^(repack|removalLog)\./.test(name)) : POINTS
  if (random.chance(0.35)) server.arm(random.pick(points), random.chance(0.8) ? 1 : 2, random.chance(0.4))
  trace(world, next)
  try {
    await next(world)
  } catch (cause) {
    if (!(cause instanceof Died)) throw cause
  }
  server.disarm()
  await server.died()
}
