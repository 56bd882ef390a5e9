/** What others do to the DID, and what a move asks for. */
import { readCarWithRoot } from '@atproto/repo'
import type { PlcData } from '../../../src/plc/types.ts'
import { type Commit, parseCommit } from '../../../src/repo/commit.ts'
import type { Key } from './keys.ts'
import { TARGET, TARGET_DID, type World } from './world.ts'

/** Changes the DID document as the owner, or a new PDS with its own key, does: past this server. */
export const changeDid = async (world: World, by: Key, changes: Partial<PlcData>): Promise<void> => {
  const { data, cid } = await world.account.identity.directory.head(world.did)
  if (!data) throw new Error('tombstoned')
  const operation = { type: 'plc_operation' as const, ...data, ...changes, prev: cid }
  await world.directory.add(world.did, await by.rotation.signOperation(operation))
}

/** The services of a DID document that names this PDS. */
export const pdsAt = (endpoint: string): PlcData['services'] => ({
  atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint },
})

/** The operation that a target asks for: its endpoint and its key. */
export const moveTo = (key: Key, endpoint = TARGET) => ({
  rotationKeys: [key.did],
  verificationMethods: { atproto: key.did },
  services: pdsAt(endpoint),
})

export const targeted = { target: TARGET, audience: TARGET_DID }

/** The commit at the head of the repository. */
export const latestCommit = async ({ account }: World): Promise<Commit> => {
  const { blocks, root } = await readCarWithRoot(account.repo.commitCar())
  return parseCommit(blocks.get(root) ?? new Uint8Array())
}
