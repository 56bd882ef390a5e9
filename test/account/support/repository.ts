/** Repositories of any content, made in memory, and their CARs in any order. */
import type { Secp256k1Keypair } from '@atproto/crypto'
import type { Cid, LexValue } from '@atproto/lex-data'
import { carOf } from '../../../src/account/repo/carOf.ts'
import { signCommit } from '../../../src/account/repo/commits/signCommit.ts'
import type { Block } from '../../../src/repo/block.ts'
import { nextTid } from '../../../src/repo/tid.ts'
import { walk } from '../../../src/repo/tree/treeWalk.ts'
import { Blocks, rawCid } from '../../repo/fixture.ts'
import { putTree } from '../../repo/tree/tree.ts'
import { DID, inAccount, POST, seeded, stream, type TestAccount } from './account.ts'

/** A reference to a blob that nobody has. */
export const picture = (name: string) => ({
  $type: 'blob',
  ref: rawCid(new TextEncoder().encode(name)),
  mimeType: 'image/png',
  size: name.length,
})

export const text = (words: string, more: { [name: string]: LexValue } = {}): LexValue => ({
  $type: POST,
  text: words,
  ...more,
})

/** A commit and its tree, in the order of an export. */
export interface Signed {
  root: Cid
  data: Cid
  rev: string
  blocks: Block[]
}

export class Repository {
  readonly store = new Blocks()
  readonly records = new Map<string, Cid>()
  readonly #key: Pick<Secp256k1Keypair, 'sign'>

  constructor(key: Pick<Secp256k1Keypair, 'sign'>) {
    this.#key = key
  }

  put(path: string, record: LexValue): Cid {
    const cid = this.store.put(record)
    this.records.set(path, cid)
    return cid
  }

  /** Signs the tree as it is, at this time in milliseconds. */
  async sign(at: number): Promise<Signed> {
    return this.signTree(putTree(this.store, this.records), at)
  }

  async signTree(data: Cid, at: number): Promise<Signed> {
    const rev = nextTid(at)
    const commit = await signCommit(this.#key, { did: DID, rev, data })
    const blocks = new Map([[commit.cid.toString(), commit]])
    for (const { cid, bytes } of walk(data, this.store.read)) blocks.set(cid.toString(), { cid, bytes })
    return { root: commit.cid, data, rev, blocks: [...blocks.values()] }
  }
}

/** The same blocks in another order. */
export const shuffled = <T>(blocks: readonly T[], random: () => number): T[] =>
  blocks
    .map((block) => [random(), block] as const)
    .toSorted(([a], [b]) => a - b)
    .map(([, block]) => block)

/** The blocks that the first has and the second does not have. */
export const newBlocks = ({ blocks }: Signed, { blocks: known }: Signed): Block[] => {
  const names = new Set(known.map(({ cid }) => cid.toString()))
  return blocks.filter(({ cid }) => !names.has(cid.toString()))
}

export const car = ({ root, blocks }: Signed, order = blocks): Uint8Array => carOf(root, order)

export const path = (n: number): string => `${POST}/3k${String(n * 7919).padStart(11, '0')}`

/** A repository with records: some refer to a blob, some are under several paths. */
export const filledRepository = (account: TestAccount, count = 3000): Repository => {
  const repository = new Repository(account.key)
  for (let n = 0; n < count; n++) {
    const words = n % 50 === 7 ? `again ${n % 3}` : `text ${n}`
    repository.put(path(n), text(words, n % 10 === 0 ? { embed: picture(`picture ${n % 300}`) } : {}))
  }
  return repository
}

/** Imports a repository, with its blocks in this order. */
export const importSigned = (account: TestAccount, signed: Signed, order?: readonly Block[]) =>
  account.imports.car(stream(car(signed, order && [...order]), 60_000), { signingKey: account.key.did() })

/** Creates, changes and deletes some records; the same record is created and deleted under several paths. */
export const edit = (repository: Repository, random: () => number, count: number): void => {
  const pick = (below: number) => Math.floor(random() * below)
  for (let i = 0; i < count; i++) {
    const dice = random()
    const paths = [...repository.records.keys()]
    const at = paths[pick(paths.length)] ?? path(0)
    if (dice < 0.3) repository.records.delete(at)
    else {
      const to = dice < 0.6 ? at : path(pick(1e6))
      const words = random() < 0.3 ? `again ${pick(4)}` : `new ${pick(1e9)}`
      repository.put(to, text(words, random() < 0.3 ? { embed: picture(`picture ${pick(300)}`) } : {}))
    }
  }
}

/** An account with this repository, a few records of which are then changed. */
export const withChanges = async (
  work: (account: TestAccount, repository: Repository, from: Signed) => Promise<void>,
  count = 300,
): Promise<void> =>
  inAccount(async (account) => {
    const repository = filledRepository(account, count)
    const from = await repository.sign(account.clock.now - 3600_000)
    await importSigned(account, from)
    edit(repository, seeded(7), 3)
    await work(account, repository, from)
  })

const random = seeded(11)

export type Order = [string, (to: Signed, from: Signed) => readonly Block[]]
export const IN_ORDER: Order = ['in order', ({ blocks }) => blocks]
/** Orders in which a CAR may be imported over what is here. */
export const ORDERS: Order[] = [
  IN_ORDER,
  ['shuffled', ({ blocks }) => shuffled(blocks, random)],
  ['reversed', ({ blocks }) => blocks.toReversed()],
  ['with the commit last', ({ blocks: [commit, ...rest] }) => (commit ? [...rest, commit] : [])],
  ['without what is here', (to, from) => newBlocks(to, from)],
]
