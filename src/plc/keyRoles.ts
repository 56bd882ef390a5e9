import type { AuditEntry, VerifiedLog } from './types.ts'

/**
 * Whose a rotation key is. Which keys are a server's cannot be computed from a DID: it is told, or it shows when the
 * server signs.
 */
export type KeyRole = 'recovery' | 'source' | 'target' | 'unknown'

/** How a role is known. */
export type RoleBasis =
  /** The server has signed with the key. */
  | 'signed'
  /** The owner has the key, or has answered. */
  | 'owner'
  /** The server calls it its own. */
  | 'named'
  /** It is the DID’s signing key too, which the server must have. */
  | 'signing-key'
  /** Nothing is known. */
  | 'none'

/** What is known of the keys of one server. */
export interface ServerKeys {
  /** Those that it calls its own: it may say so of any key. */
  named?: readonly string[]
  /** Those with which it has signed an operation that was asked of it: these it has. */
  signed?: readonly string[]
  /** The signing key that the DID names while this server hosts the account. */
  signingKey?: string | undefined
}

/** What is known about whose keys these are. */
export interface KeyEvidence {
  /** Keys that are the owner’s: of key files, of RECOVERY_KEYS that the owner has configured, of the owner’s answers. */
  owner?: readonly string[]
  /** Keys that are not the owner’s, as the owner has answered. */
  notOwner?: readonly string[]
  source?: ServerKeys
  target?: ServerKeys
}

export interface KeyInRole {
  /** did:key. */
  key: string
  role: KeyRole
  basis: RoleBasis
}

const findRole = (
  key: string,
  { owner = [], notOwner = [], source = {}, target = {} }: KeyEvidence,
): Pick<KeyInRole, 'role' | 'basis'> => {
  // A server that has signed with a key has it, no matter what else is said.
  if (target.signed?.includes(key)) return { role: 'target', basis: 'signed' }
  if (source.signed?.includes(key)) return { role: 'source', basis: 'signed' }
  // Then the owner's word: a server could call the owner's key its own to have it dropped.
  if (owner.includes(key)) return { role: 'recovery', basis: 'owner' }
  // Servers of one operator may share a key: it stays with the one that is to have it.
  if (target.named?.includes(key)) return { role: 'target', basis: 'named' }
  if (notOwner.includes(key)) return { role: 'source', basis: 'owner' }
  if (source.named?.includes(key)) return { role: 'source', basis: 'named' }
  if (source.signingKey === key) return { role: 'source', basis: 'signing-key' }
  return { role: 'unknown', basis: 'none' }
}

/**
 * Names the role of each rotation key. Proof comes first, then what the owner says, then what servers say. What a server
 * calls the owner’s key is not believed: it would stay above the new server’s and could take the DID.
 */
export const keyRoles = (keys: readonly string[], evidence: KeyEvidence): KeyInRole[] =>
  keys.map((key) => ({ key, ...findRole(key, evidence) }))

/** What the log shows of a rotation key, to help its owner to recognize it. */
export interface KeyHistory {
  /** When the DID first had the key. Milliseconds since the epoch. */
  since: number
  /** The valid operations that are signed with it, the oldest first. */
  signed: AuditEntry[]
}

const keysOf = ({ operation }: AuditEntry): readonly string[] =>
  operation.type === 'plc_operation'
    ? operation.rotationKeys
    : operation.type === 'create'
      ? [operation.recoveryKey, operation.signingKey]
      : []

/** What the verified log shows of a rotation key; undefined if the DID never had it. */
export const keyHistory = ({ entries, signers }: VerifiedLog, key: string): KeyHistory | undefined => {
  const valid = entries.filter(({ nullified }) => !nullified)
  const first = valid.find((entry) => keysOf(entry).includes(key))
  if (!first) return undefined
  return { since: first.createdAt, signed: valid.filter(({ cid }) => signers.get(cid) === key) }
}
