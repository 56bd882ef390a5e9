/** What an account has after an import, and why an import was refused. */
import { readCarWithRoot } from '@atproto/repo'
import { expect } from 'vitest'
import { collect, inAccount, post, stream, type TestAccount, unpost } from './account.ts'
import { car, type Signed } from './repository.ts'

/** Everything that an import may write. */
export const state = ({ sql }: TestAccount) =>
  JSON.stringify(
    [
      'SELECT hex(root) r, hex(data) d, rev, blocks, records, seq, staging FROM account',
      'SELECT n, rev, hex(dropped) d, hex(bytes) b FROM loose ORDER BY 1',
      'SELECT * FROM pack ORDER BY 1',
      'SELECT n, hex(made) m, hex(bytes) b FROM part ORDER BY 1',
      'SELECT pack, n, hex(entries) e FROM bucket ORDER BY 1, 2',
      'SELECT n FROM staged ORDER BY 1',
      'SELECT hex(cid) c, paths FROM repeated ORDER BY 1',
      'SELECT cid, path, rev FROM blob_ref ORDER BY 1, 2',
      'SELECT seq FROM event ORDER BY 1',
    ].map((query) => sql.all(query)),
  )

/** The code of the error with which something is refused, or `no error`. */
export const refusalOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no error',
    (cause: { error?: string; message: string }) =>
      cause.error === 'InvalidRequest'
        ? (cause.message.split(':')[0] ?? '')
        : `${cause.error}: ${cause.message}`,
  )

/** What an account has, apart from how it is stored and who signed it. */
export const contents = async ({ sql, exports, repo }: TestAccount) => {
  const { blocks, root } = await readCarWithRoot(await collect(exports.repo().body))
  const [account] = sql.all('SELECT hex(data) AS data, blocks, records FROM account')
  return {
    account,
    isWhole: blocks.size === account?.blocks && root.equals(repo.requireHead().root),
    blocks: blocks
      .cids()
      .filter((cid) => !cid.equals(root))
      .map(String)
      .toSorted(),
    references: sql.all('SELECT cid, path FROM blob_ref ORDER BY 1, 2'),
    repeated: sql.all('SELECT hex(cid) AS cid, paths FROM repeated WHERE paths > 1 ORDER BY 1'),
  }
}

/** What another account has after importing the same CAR into an empty repository. */
export const freshImport = (of: TestAccount, signed: Signed) =>
  inAccount(async (other) => {
    other.clock.now = of.clock.now
    await other.imports.car(stream(car(signed), 60_000), { signingKey: of.key.did() })
    return contents(other)
  })

/** How many packs there are. */
export const packs = ({ sql }: TestAccount): number =>
  sql.first<{ n: number }>('SELECT count(*) AS n FROM pack')?.n ?? 0

export const expectSound = async (account: TestAccount): Promise<void> =>
  expect((await account.check()).problems).toEqual([])

/** Commits can follow, and everything can be packed again. */
export const expectWritable = async (account: TestAccount): Promise<void> => {
  await account.repo.commit([post('after', 'x'), post('after2', 'x')])
  await account.repo.commit([unpost('after'), post('after3', 'z')])
  await expectSound(account)
  account.clock.now += 25 * 3600_000
  const before = packs(account)
  while (account.repack.step().more);
  expect(packs(account)).toBe(before + 1)
  await expectSound(account)
}

export const fill = async ({ repo }: TestAccount, count: number): Promise<void> => {
  await repo.create()
  for (let i = 0; i < count; i += 100) {
    await repo.commit(
      Array.from({ length: Math.min(100, count - i) }, (_, n) => post(`r${i + n}`, `text ${i + n}`)),
    )
  }
}

/** A source account's CAR and key, for a target to import. */
export const source = async (count = 120) =>
  inAccount(async (account) => {
    await fill(account, count)
    return {
      car: await collect(account.exports.repo().body),
      key: account.key,
      head: account.repo.requireHead(),
    }
  })
