import { signOperation } from '../fakes/directory.ts'
import { createWorld } from '../fakes/fakeWorld.ts'

/** The account as it is after a complete move: `source` deactivated, `target` active, the DID naming it. */
export const movedWorld = async () => {
  const world = await createWorld()
  const { account, target, source, did, directory } = world
  const made = await world.createAtTarget()
  await made.repo.import(await account.repo.car(), account.repo.rev)
  await target.write(made, {})
  for (const [cid, blob] of account.blobs) made.blobs.set(cid, blob)
  const head = directory.data(did)
  if (!head) throw new Error('the DID has no data')
  const { cid, ...data } = head
  const operation = await signOperation(source.rotationKey, {
    type: 'plc_operation',
    ...data,
    verificationMethods: { atproto: made.signingKey.did() },
    services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: target.origin } },
    prev: cid,
  })
  await directory.submit(did, operation)
  account.active = false
  made.active = true
  return { world, made }
}

export type MovedWorld = Awaited<ReturnType<typeof movedWorld>>
