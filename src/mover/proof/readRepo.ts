import type { Client } from '../../client/index.ts'
import { retrying } from '../../client/retry.ts'
import { toBase64url } from '../../crypto/base64url.ts'
import { indexCar } from '../../repo/car/indexCar.ts'
import { type VerifiedRepo, verifyRepo } from '../../repo/verifyRepo.ts'
import type { MoveStore } from '../moveStore.ts'
import type { MoverDeps } from '../moverDeps.ts'
import type { StatedRepo } from './statement.ts'

/** Where the repositories are kept while they are compared. */
export type ProofStore = Pick<MoveStore, 'name' | 'writeFile' | 'openFile'>

/** One side of a move. */
export interface Side {
  readonly origin: string
  readonly client: Client
  /** A file of the store that has its repository, as it was fetched last. */
  readonly file?: string
}

/** A repository that was fetched; its tree is verified as its records are read. */
export interface FetchedRepo {
  readonly repo: VerifiedRepo
  /** What is stated of it. The number of records is known when they have been read. */
  stated(): StatedRepo
  close(): void
}

/** Fetches a server's repository into the store, and verifies its commit with one of these keys. */
export async function readRepo(
  { now, signal, wait }: Pick<MoverDeps, 'now' | 'signal' | 'wait'>,
  { origin, client, file: kept }: Side,
  options: { did: string; signingKeys: readonly string[]; store: ProofStore; file: string },
): Promise<FetchedRepo> {
  const { did, signingKeys, store, file } = options
  // The body of a broken answer is a new request: it is not resumed, as the repository may change meanwhile.
  if (kept === undefined)
    await retrying({ signal, retries: 2, wait })(async () => {
      const { body } = await client.com.atproto.sync.getRepo({ did }, { signal })
      await store.writeFile(file, body)
    })
  const stored = await store.openFile(kept ?? file)
  if (!stored) throw new Error(`${store.name} lost the file ${file}`)
  try {
    const car = await indexCar(stored, { paddedLengths: true })
    // Blocks that nothing links to, and records that the specification forbids, are what servers have.
    const { root, read } = car
    const malformed = () => {}
    const repo = await verifyRepo({ root, read, did, signingKey: signingKeys, now: now(), malformed })
    const commit = read(root) ?? new Uint8Array()
    return {
      repo,
      stated: () => ({
        origin,
        cid: root.toString(),
        rev: repo.commit.rev,
        data: repo.commit.data.toString(),
        commit: toBase64url(commit),
        records: repo.counts.records,
      }),
      close: () => stored.close(),
    }
  } catch (cause) {
    stored.close()
    throw cause
  }
}
