import { readCarWithRoot, verifyRepo, verifyRepoCar } from '@atproto/repo'
import * as fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { FAULT_POINTS, onFault } from '../../src/fault.ts'
import { collect, DID, inAccount, post, type TestAccount, unpost } from '../account/support/account.ts'

afterEach(() => onFault(undefined))

const POINTS = FAULT_POINTS.filter((name) => name.startsWith('import.'))
/** What a commit does to each of a few keys: nothing, write a text, or delete. */
const change = fc.dictionary(
  fc.constantFrom(...Array.from({ length: 24 }, (_, i) => `k${i}`)),
  fc.option(fc.integer({ min: 0, max: 4 })),
  { maxKeys: 10 },
)
const history = fc.array(change, { minLength: 1, maxLength: 8 })
type History = Record<string, number | null>[]

const live = async (account: TestAccount, commits: History, each?: () => Promise<void>): Promise<void> => {
  await account.repo.create()
  for (const commit of commits) {
    const writes = Object.entries(commit).map(([rkey, n]) =>
      n === null
        ? { ...unpost(rkey), ifExists: true }
        : post(rkey, `text ${n}${' and more'.repeat(200 * n)}`),
    )
    await account.repo.commit(writes)
    await each?.()
  }
}

const tree = (account: TestAccount): string[] =>
  [...account.records.entries()].map(({ path, cid }) => `${path} ${cid}`)

const paths = (creates: readonly { collection: string; rkey: string; cid: unknown }[]): string[] =>
  creates.map(({ collection, rkey, cid }) => `${collection}/${rkey} ${String(cid)}`).toSorted()

describe('for any history', () => {
  it('an old export and the blocks since then make the present tree', () =>
    fc.assert(
      fc.asyncProperty(history, (commits) =>
        inAccount(async (account) => {
          const { exports, repo, key } = account
          const past: { rev: string; car: Uint8Array }[] = []
          await live(account, commits, async () => {
            past.push({ rev: repo.requireHead().rev, car: await collect(exports.repo().body) })
          })
          expect(
            paths((await verifyRepoCar(await collect(exports.repo().body), DID, key.did())).creates),
          ).toEqual(tree(account))
          for (const { rev, car } of past) {
            const { root, blocks } = await readCarWithRoot(await collect(exports.repo({ since: rev }).body))
            const before = await readCarWithRoot(car)
            const count = blocks.size
            blocks.addMap(before.blocks)
            expect(paths((await verifyRepo(blocks, root, DID, key.did())).creates)).toEqual(tree(account))
            // If the head is the same, the export has only the commit.
            if (rev === repo.requireHead().rev) expect(count).toBe(1)
          }
        }),
      ),
      { numRuns: 30 },
    ))

  it('an import that dies at any step changes nothing, and the next one imports everything', () => {
    const death = fc.oneof(
      fc.record({ point: fc.constantFrom(...POINTS) }),
      fc.record({ byte: fc.nat(200_000), throws: fc.boolean() }),
    )
    return fc.assert(
      fc.asyncProperty(history, history, death, async (theirs, ours, death) => {
        const source = await inAccount(async (account) => {
          await live(account, theirs)
          const car = await collect(account.exports.repo().body)
          return { car, tree: tree(account), key: account.key.did() }
        })
        await inAccount(async (first) => {
          await live(first, ours)
          const before = { tree: tree(first), head: String(first.repo.requireHead().root) }
          const options = { signingKey: source.key }
          onFault((name) => {
            if ('point' in death && name === death.point) throw new Error('the fault')
          })
          const failed = await first.imports
            .car('byte' in death ? dying(source.car, death) : whole(source.car), options)
            .then(
              () => false,
              () => true,
            )
          onFault(undefined)
          // Its memory is lost, even if it had answered.
          const account = first.restart()
          const done = 'point' in death && death.point === 'import.afterSwitch'
          expect(failed).toBe(true)
          expect(tree(account)).toEqual(done ? source.tree : before.tree)
          if (!done) expect(String(account.repo.requireHead().root)).toBe(before.head)
          expect((await account.check()).problems).toEqual([])
          expect(account.sql.first('SELECT staging FROM account')?.staging).toBeNull()
          await account.imports.car(whole(source.car), options)
          expect(tree(account)).toEqual(source.tree)
          expect((await account.check()).problems).toEqual([])
        })
      }),
      { numRuns: 30 },
    )
  })
})

const whole = (car: Uint8Array): ReadableStream<Uint8Array> => new Response(car).body ?? new ReadableStream()

/** A body that ends, or fails, after some of the bytes. */
const dying = (
  car: Uint8Array,
  { byte, throws }: { byte: number; throws: boolean },
): ReadableStream<Uint8Array> => {
  let part: Uint8Array | undefined = car.slice(0, byte % car.length)
  return new ReadableStream({
    pull: (controller) => {
      if (part && part.length > 0) controller.enqueue(part)
      else if (throws) controller.error(new Error('the line broke'))
      else controller.close()
      part = undefined
    },
  })
}
