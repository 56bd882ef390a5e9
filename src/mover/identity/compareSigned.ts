import { canonicalJson } from '../../canonicalJson.ts'
import { PDS_ID } from '../../plc/build.ts'
import { diffOperation } from '../../plc/diffOperation.ts'
import { PlcError } from '../../plc/errors.ts'
import { findSigner } from '../../plc/findSigner.ts'
import { parseOperation } from '../../plc/parse.ts'
import type { Operation, UnsignedOperation } from '../../plc/types.ts'
import { MoverError } from '../moverError.ts'
import type { MovePlan } from './planMove.ts'

/** The operation that was signed, and how it differs from the planned one. */
export interface Compared {
  operation: Operation
  /** As sentences; empty if the two differ in nothing but the signature. */
  differences: string[]
  /** The key that signed, which is the source's own. */
  signer: string
}

export interface Expected {
  plan: MovePlan
  /** The rotation keys that the DID has until then: one of them has to sign. */
  keysBefore: readonly string[]
  /** The rotation keys of the target. */
  ours: readonly string[]
}

const parse = (signed: unknown): Operation => {
  try {
    return parseOperation(signed)
  } catch (cause) {
    if (!(cause instanceof PlcError)) throw cause
    throw new MoverError('source-refused', `what the source signed is not an operation: ${cause.message}`, {
      cause,
    })
  }
}

const differencesOf = (plan: UnsignedOperation, operation: Operation): string[] => {
  const { sig: _, ...unsigned } = operation
  if (canonicalJson(unsigned) === canonicalJson(plan)) return []
  const texts = diffOperation(plan, unsigned).map(({ text }) => text)
  return texts.length > 0 ? texts : [`it is ${canonicalJson(unsigned)}, not ${canonicalJson(plan)}`]
}

/**
 * Compares what the source signed with what the user agreed to, value by value. Throws if it is not a move to the
 * target at all, or one from which the account could not leave again.
 */
export async function compareSigned(
  signed: unknown,
  { plan: { operation: plan, dropped, roles }, keysBefore, ours }: Expected,
): Promise<Compared> {
  const operation = parse(signed)
  const wrong = (what: string) =>
    new MoverError('source-refused', `the operation that the source signed ${what}; it was not submitted`, {
      next: 'do not mint another token for this source until you know why; `pds identity --void` there makes the operation worthless',
    })
  if (operation.prev !== plan.prev) throw wrong('does not follow the DID’s current head')
  if (canonicalJson(operation.services[PDS_ID]) !== canonicalJson(plan.services[PDS_ID]))
    throw wrong('does not name the new server')
  if (operation.verificationMethods['atproto'] !== plan.verificationMethods['atproto'])
    throw wrong('does not name the new server’s signing key')
  const missing = ours.find((key) => !operation.rotationKeys.includes(key))
  if (missing !== undefined) throw wrong(`lacks the rotation key ${missing}`)
  const signer = await findSigner(operation, keysBefore)
  if (signer === undefined) throw wrong('is signed with none of the DID’s rotation keys')
  // A source that names other keys as its own would have those dropped and keep its power over the DID.
  const hidden =
    dropped.length > 0 && plan.rotationKeys.includes(signer) && !ours.includes(signer)
      ? [`it is signed with ${signer}, so that key is the source’s own, and the DID keeps it`]
      : []
  const owners = roles.some(({ key, role }) => key === signer && role === 'recovery')
    ? [`it is signed with ${signer}, your recovery key: the source has that key too`]
    : []
  return { operation, signer, differences: [...differencesOf(plan, operation), ...hidden, ...owners] }
}
