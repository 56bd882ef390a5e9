import { canonicalJson } from '../canonicalJson.ts'
import { buildableData, PDS_ID, PDS_TYPE } from './build.ts'
import { parseUnsignedOperation, rotationKeyLimit } from './parse.ts'
import type { PlcData, PlcHead, UnsignedOperation } from './types.ts'

/** What a server changes by itself in the DID of its account. Everything else but the recovery keys stays as it is. */
export interface OwnChange {
  /** A handle, without `at://`: it takes the place of the first one. */
  handle?: string
  /** did:key of `#atproto`. */
  signingKey?: string
  /** The origin of the PDS. */
  endpoint?: string
}

/** As the reference PDS does it: other names stay where they are. */
const withHandle = (names: string[], handle: string): string[] => {
  const name = `at://${handle}`
  const first = names.findIndex((known) => known.startsWith('at://'))
  const changed = first < 0 ? [name, ...names] : names.with(first, name)
  return [...new Set(changed)]
}

/** Who signs, and which keys of the owner stand before that one. */
export interface OwnKeys {
  /** did:key of the rotation key that will sign. */
  ourKey: string
  /** The owner's RECOVERY_KEYS: put first, as in every operation that is built here, if there is room for them. */
  recoveryKeys: readonly string[]
}

const withRecovery = (keys: string[], { ourKey, recoveryKeys }: OwnKeys): string[] => {
  const merged = [...new Set([...keys.slice(0, keys.indexOf(ourKey)), ...recoveryKeys, ...keys])]
  // The owner wanted something else changed: for this, no key is dropped, and nothing is refused.
  return merged.length > rotationKeyLimit(keys) ? keys : merged
}

const changed = (data: PlcData, { handle, signingKey, endpoint }: OwnChange, keys: OwnKeys): PlcData => ({
  rotationKeys: withRecovery(data.rotationKeys, keys),
  alsoKnownAs: handle === undefined ? data.alsoKnownAs : withHandle(data.alsoKnownAs, handle),
  verificationMethods:
    signingKey === undefined
      ? data.verificationMethods
      : { ...data.verificationMethods, atproto: signingKey },
  services:
    endpoint === undefined ? data.services : { ...data.services, [PDS_ID]: { type: PDS_TYPE, endpoint } },
})

/** The operation that makes a change; undefined if the DID says all of it already. */
export const buildOwnChange = (
  head: PlcHead,
  change: OwnChange,
  keys: OwnKeys,
): UnsignedOperation | undefined => {
  const before = buildableData(head, keys.ourKey)
  const after = changed(before, change, keys)
  if (canonicalJson(before) === canonicalJson(after)) return undefined
  // An account in the legacy form may have one key in both roles; the directory now refuses duplicates.
  const rotationKeys = [...new Set(after.rotationKeys)]
  return parseUnsignedOperation({ type: 'plc_operation', ...after, rotationKeys, prev: head.cid })
}
