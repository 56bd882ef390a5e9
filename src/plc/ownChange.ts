import { canonicalJson } from '../canonicalJson.ts'
import { buildableData, PDS_ID, PDS_TYPE } from './build.ts'
import { PlcError } from './errors.ts'
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
  /** did:key of another recovery key of the owner: it is put first. */
  recoveryKey?: string
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

/** What is asked for by name is refused rather than left out. */
const withFirst = (keys: string[], first: string | undefined, { ourKey }: OwnKeys): string[] => {
  if (first === undefined) return keys
  if (first === ourKey)
    throw new PlcError(
      'ChangeNotAllowed',
      `${first} is this server’s rotation key: a recovery key is one that only the owner has`,
      'rotationKeys',
    )
  const merged = [...new Set([first, ...keys])]
  const limit = rotationKeyLimit(keys)
  if (merged.length <= limit) return merged
  throw new PlcError(
    'TooManyKeys',
    `there would be ${merged.length} rotation keys, at most ${limit} are allowed: ${merged.join(', ')}`,
    'rotationKeys',
  )
}

const changed = (
  data: PlcData,
  { handle, signingKey, endpoint, recoveryKey }: OwnChange,
  keys: OwnKeys,
): PlcData => ({
  rotationKeys: withFirst(withRecovery(data.rotationKeys, keys), recoveryKey, keys),
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
