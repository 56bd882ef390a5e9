import { PDS_ID } from '../../plc/build.ts'
import { headOf, isAt, type Move } from '../move.ts'
import { MoverError } from '../moverError.ts'

/** Throws unless the DID names the target and its key: nothing is activated or deactivated otherwise. */
export async function assertHeadNamesTarget(move: Move): Promise<void> {
  const { who, target } = move
  if (!who.did.startsWith('did:plc:')) return
  const key = (await target.recommended()).verificationMethods['atproto']
  const { data } = await headOf(move)
  if (isAt(data, target.origin, key)) return
  throw new MoverError(
    'did-elsewhere',
    `${who.did} names ${data.services[PDS_ID]?.endpoint ?? 'no PDS'} with the signing key ${data.verificationMethods['atproto'] ?? '(none)'}, not ${target.origin} with ${key ?? '(none)'}`,
  )
}
