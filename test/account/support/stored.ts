/** Helpers of the tests of stored blocks. */
import { readCarWithRoot } from '@atproto/repo'
import { collect, post, type TestAccount } from './account.ts'

const DAY = 24 * 3600_000

/** The CIDs in a CAR, sorted. */
export const cids = async (bytes: Uint8Array): Promise<string[]> =>
  (await readCarWithRoot(bytes)).blocks.cids().map(String).toSorted()

/** The CIDs of an export. */
export const exported = async ({ exports }: TestAccount, since?: string): Promise<string[]> =>
  cids(await collect(exports.repo({ since }).body))

/** What of `all` is missing from `have`. */
export const missingFrom = (have: readonly string[], all: readonly string[]): string[] => {
  const known = new Set(have)
  return all.filter((cid) => !known.has(cid))
}

/** Packs everything again: for that, something must have been dropped. */
export const pack = ({ repack, clock }: TestAccount): void => {
  clock.now += 2 * DAY
  while (repack.step().more);
}

/** Deletes all rows that are replaced and not being read. */
export const collectAll = ({ repack, exports, clock }: TestAccount): void => {
  clock.now += 1000
  while (repack.collect(exports.neededSince() ?? clock.now).more);
}

export const fill = async ({ repo }: TestAccount, count: number, more = ''): Promise<void> => {
  await repo.create()
  for (let i = 0; i < count; i += 100)
    await repo.commit(
      Array.from({ length: Math.min(100, count - i) }, (_, n) => post(`r${i + n}`, `text ${i + n}${more}`)),
    )
}

export const problems = async (account: TestAccount): Promise<string[]> => (await account.check()).problems
