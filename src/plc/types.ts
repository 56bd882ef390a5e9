/** A type rather than an interface, so that operations are values that DAG-CBOR can encode. */
export type PlcService = {
  type: string
  endpoint: string
}

/** What a did:plc operation says about the identity. */
export interface PlcData {
  rotationKeys: string[]
  verificationMethods: Record<string, string>
  alsoKnownAs: string[]
  services: Record<string, PlcService>
}

export interface UnsignedOperation extends PlcData {
  type: 'plc_operation'
  /** CID of the signed operation before this one; null for the first. */
  prev: string | null
}

export interface Operation extends UnsignedOperation {
  sig: string
}

export interface Tombstone {
  type: 'plc_tombstone'
  prev: string
  sig: string
}

/** The first form of a genesis operation, still found at the start of old logs. */
export interface LegacyCreate {
  type: 'create'
  signingKey: string
  recoveryKey: string
  handle: string
  service: string
  prev: null
  sig: string
}

export type LoggedOperation = Operation | Tombstone | LegacyCreate

export interface AuditEntry {
  did: string
  cid: string
  operation: LoggedOperation
  /** The operation as received, with its unknown fields: this is what was hashed and signed. */
  raw: Record<string, unknown>
  nullified: boolean
  /** Milliseconds since the epoch. */
  createdAt: number
}

/** The newest valid operation, and the data that it sets. `data` is null for a tombstone. */
export interface PlcHead {
  did: string
  cid: string
  data: PlcData | null
  createdAt: number
}

export interface VerifiedLog {
  did: string
  head: PlcHead
  entries: AuditEntry[]
  /** By CID of the operation: did:key of the rotation key that signed it. */
  signers: ReadonlyMap<string, string>
}
