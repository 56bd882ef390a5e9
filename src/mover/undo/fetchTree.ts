import type { Client } from '../../client/index.ts'
import { retrying } from '../../client/retry.ts'
import { CarError } from '../../repo/car/carError.ts'
import { indexCar } from '../../repo/car/indexCar.ts'
import { RepoError, type VerifiedRecord, verifyRepo } from '../../repo/verifyRepo.ts'
import type { Cid } from '@atproto/lex-data'
import type { MoveStore } from '../moveStore.ts'
import type { MoverDeps } from '../moverDeps.ts'

/** Where what is fetched is kept. */
export type UndoStore = Pick<MoveStore, 'name' | 'writeFile' | 'openFile'>

/** A repository in a file. */
export interface FetchedTree {
  readonly rev: string
  /** In the order of their paths. The tree is verified as they are read, each time. */
  records(): Generator<VerifiedRecord, void, void>
  read(cid: Cid): Uint8Array | undefined
  close(): void
}

interface TreeOptions {
  did: string
  /** One of these must have signed the commit. */
  signingKeys: readonly string[]
  store: UndoStore
  file: string
}

/** What a repository may have on the disk: a server that sends for ever does not fill it. */
const MAX_CAR_BYTES = 8 * 1024 ** 3

async function* limited(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > MAX_CAR_BYTES)
      throw new CarError('TooLarge', `the repository has more than ${MAX_CAR_BYTES} bytes`)
    yield chunk
  }
}

/** Opens a repository that is in the store; undefined if it is not. Throws RepoError and CarError. */
export async function openTree(
  { now }: Pick<MoverDeps, 'now'>,
  { did, signingKeys, store, file }: TreeOptions,
): Promise<FetchedTree | undefined> {
  const stored = await store.openFile(file)
  if (!stored) return undefined
  try {
    const car = await indexCar(stored)
    const { root, read } = car
    const repo = await verifyRepo({
      root,
      read,
      did,
      signingKey: signingKeys,
      now: now(),
      // Records that the specification forbids are brought back if the server takes them.
      malformed: () => {},
    })
    return { rev: repo.commit.rev, records: () => repo.records(), read, close: () => stored.close() }
  } catch (cause) {
    stored.close()
    throw cause
  }
}

/** Fetches a server's repository into the store, verifies it to its end, and opens it. Throws RepoError and CarError. */
export async function fetchTree(
  deps: Pick<MoverDeps, 'now' | 'signal' | 'wait'>,
  client: Client,
  options: TreeOptions,
): Promise<FetchedTree> {
  const { signal, wait } = deps
  const { did, store, file } = options
  await retrying({ signal, wait, retries: 2 })(async () => {
    const { body } = await client.com.atproto.sync.getRepo({ did }, { signal })
    await store.writeFile(file, limited(body))
  })
  const tree = await openTree(deps, options)
  if (!tree) throw new Error(`${store.name} lost the file ${file}`)
  try {
    for (const _ of tree.records());
    return tree
  } catch (cause) {
    tree.close()
    throw cause
  }
}

/** What is wrong with a repository that does not verify; undefined if the failure is another one. */
export const treeProblem = (cause: unknown): string | undefined =>
  cause instanceof RepoError || cause instanceof CarError ? cause.message : undefined
