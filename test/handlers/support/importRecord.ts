import type { LexMap } from '@atproto/lex-data'
import { carOf } from '../../../src/account/repo/carOf.ts'
import { signCommit } from '../../../src/account/repo/commits/signCommit.ts'
import { walk } from '../../../src/repo/tree/treeWalk.ts'
import { Blocks, cborCid } from '../../repo/fixture.ts'
import { putTree } from '../../repo/tree/tree.ts'
import { stream } from '../../xrpc/support.ts'
import type { World } from './world.ts'

/** Replaces the repository by an import that has one record, in a form that another server may have taken. */
export const importRecord = async (
  { account, did, key }: World,
  path: string,
  record: LexMap | Uint8Array,
) => {
  const store = new Blocks()
  const putBytes = (bytes: Uint8Array) => {
    const cid = cborCid(bytes)
    store.set(cid.toString(), bytes)
    return cid
  }
  const cid = record instanceof Uint8Array ? putBytes(record) : store.put(record)
  const data = putTree(store, new Map([[path, cid]]))
  const signer = key.signing.commitKeypair(did)
  const commit = await signCommit(signer, { did, rev: account.repo.nextRev(), data })
  const blocks = [commit, ...[...walk(data, store.read)].map(({ cid, bytes }) => ({ cid, bytes }))]
  await account.imports.car(stream(carOf(commit.cid, blocks)), { signingKey: key.did })
}
