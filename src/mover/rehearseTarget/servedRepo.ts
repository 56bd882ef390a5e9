import { readCar } from '../../repo/car/readCar.ts'
import { cidKey } from '../../repo/cid.ts'
import { CarError } from '../../repo/car/carError.ts'
import { verifyRepo } from '../../repo/verifyRepo.ts'
import type { Rehearsal } from './types.ts'

/** What a server gives for the account's repository, verified from the commit to the last record. */
export interface ServedRepo {
  /** CID of the commit. */
  readonly cid: string
  readonly rev: string
  /** CID of the tree. */
  readonly data: string
  /** The key of those given that has signed the commit. */
  readonly signer: string
  /** `collection/rkey` to CID. */
  readonly records: ReadonlyMap<string, string>
}

/** Far more than the repository of a rehearsal has. */
const MAX_BYTES = 16 * 1024 * 1024

/** Fetches the repository as anyone does. Throws where it does not verify with one of these keys. */
export async function fetchServedRepo(
  { anyone, account, deps }: Rehearsal,
  keys: readonly string[],
): Promise<ServedRepo> {
  const { body } = await anyone.com.atproto.sync.getRepo({ did: account.did })
  const reader = await readCar(body, { total: MAX_BYTES, paddedLengths: true })
  const [root] = reader.roots
  if (!root) throw new CarError('BadHeader', 'the CAR names no root')
  const blocks = new Map<string, Uint8Array>()
  for await (const { cid, bytes } of reader) blocks.set(cidKey(cid), bytes.slice())
  const repo = await verifyRepo({
    root,
    read: (cid) => blocks.get(cidKey(cid)),
    did: account.did,
    signingKey: keys,
    now: deps.now(),
  })
  const records = new Map([...repo.records()].map(({ path, cid }) => [path, cid.toString()]))
  const { signer, commit } = repo
  return { cid: repo.cid.toString(), rev: commit.rev, data: commit.data.toString(), signer, records }
}
