import { type KeyEvidence, type KeyInRole, keyRoles } from '../../plc/keyRoles.ts'
import type { PlcData, PlcHead, UnsignedOperation } from '../../plc/types.ts'
import { type PreviewLine, previewOperation } from './preview.ts'
import { unsignedOperation } from './unsignedOperation.ts'

/** The operation that moves a DID, down to its last value: what the user sees, what is asked for, what is compared. */
export interface MovePlan {
  operation: UnsignedOperation
  /** The DID before and after it. */
  preview: PreviewLine[]
  /** The roles of the rotation keys before and after it. */
  roles: KeyInRole[]
  /** The rotation keys that are dropped: those of the source. */
  dropped: string[]
}

export interface MoveOptions {
  head: PlcHead & { data: PlcData }
  /** What the target recommends: its keys, its name, its address. */
  wanted: PlcData
  /** Whose the rotation keys are, as far as it is known. What the target recommends is taken for its own or the owner’s. */
  evidence: Omit<KeyEvidence, 'target'>
}

/**
 * The rotation keys after the move. The keys of the target take the place of the source's own, which are the only
 * ones that are dropped: keys above them stay above ours, all others stay below. If no key is known as the source's
 * own, all stay, and the lowest is taken for it: a Cirrus, which puts the keys above its own first whatever it is asked
 * for, then has nothing to change.
 */
const rotationKeys = (before: readonly string[], wanted: readonly string[], own: ReadonlySet<string>) => {
  const place = before.findLastIndex((key) => own.has(key))
  const cut = place < 0 ? before.length - 1 : place
  const others = (keys: readonly string[]) => keys.filter((key) => !own.has(key))
  return [...new Set([...others(before.slice(0, cut)), ...wanted, ...others(before.slice(cut))])]
}

/**
 * Merges what the target recommends into what the DID has, so that nothing else is lost: services, verification
 * methods and names of others, and every rotation key that is not known as the source’s. Throws if the directory would not
 * take the result.
 */
export function planMove(options: MoveOptions): MovePlan {
  const { head, wanted, evidence } = options
  const { data } = head
  const roles = keyRoles([...new Set([...data.rotationKeys, ...wanted.rotationKeys])], {
    ...evidence,
    target: { named: wanted.rotationKeys },
  })
  const own = new Set(roles.filter(({ role }) => role === 'source').map(({ key }) => key))
  const keys = rotationKeys(data.rotationKeys, wanted.rotationKeys, own)
  const dropped = data.rotationKeys.filter((key) => !keys.includes(key))
  const after: PlcData = {
    rotationKeys: keys,
    alsoKnownAs: [...new Set([...wanted.alsoKnownAs, ...data.alsoKnownAs])],
    verificationMethods: { ...data.verificationMethods, ...wanted.verificationMethods },
    services: { ...data.services, ...wanted.services },
  }
  const operation = unsignedOperation(head, after)
  return { operation, preview: previewOperation({ before: data, after, roles }), roles, dropped }
}
