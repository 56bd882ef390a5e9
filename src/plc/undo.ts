import { canonicalJson } from '../canonicalJson.ts'
import { PDS_ID } from './build.ts'
import { operationCid } from './cid.ts'
import { findSigner } from './findSigner.ts'
import { parseUnsignedOperation } from './parse.ts'
import type { AuditEntry, Operation, PlcData, UnsignedOperation, VerifiedLog } from './types.ts'
import { operationData, RECOVERY_WINDOW_MS } from './verifyLog.ts'

/** An operation by which the DID went from one PDS to another. */
export interface Rotation {
  entry: AuditEntry
  /** The operation that it follows, and what the DID said with that. */
  before: AuditEntry
  data: PlcData
  /** The PDS endpoints. */
  from: string | undefined
  to: string | undefined
}

/** The operations that stand, from the genesis to the head. */
const standing = ({ entries }: VerifiedLog): AuditEntry[] => entries.filter(({ nullified }) => !nullified)

const endpointOf = (entry: AuditEntry | undefined): string | undefined =>
  entry && operationData(entry.operation)?.services[PDS_ID]?.endpoint

const rotationAt = (chain: readonly AuditEntry[], i: number): Rotation | undefined => {
  const [before, entry] = [chain[i - 1], chain[i]]
  const data = before && operationData(before.operation)
  const [from, to] = [endpointOf(before), endpointOf(entry)]
  return entry && data && from !== to ? { entry, before, data, from, to } : undefined
}

/**
 * The last operation by which the DID went to another PDS, or ended; undefined if there is none, or it was undone. `isWanted`
 * leaves some out.
 */
export const lastRotation = (
  log: VerifiedLog,
  isWanted: (rotation: Rotation) => boolean = () => true,
): Rotation | undefined => {
  const chain = standing(log)
  return chain.map((_, i) => rotationAt(chain, i)).findLast((found) => found !== undefined && isWanted(found))
}

/** The move that the newest operations of the log have undone, and the operation that did it; undefined if there is none. */
export const undoneRotation = (
  log: VerifiedLog,
  isWanted: (rotation: Rotation) => boolean = () => true,
): { rotation: Rotation; undo: AuditEntry } | undefined => {
  const chain = standing(log)
  for (const [i, undo] of [...chain.entries()].toReversed()) {
    const before = chain[i - 1]
    if (!before) continue
    for (const entry of log.entries) {
      if (!entry.nullified || entry.operation.prev !== before.cid) continue
      const rotation = rotationAt([before, entry], 1)
      if (rotation && isWanted(rotation) && endpointOf(undo) === rotation.from) return { rotation, undo }
    }
  }
  return undefined
}

/**
 * The keys that came with a move and with what was signed after it, for rotation or for signing, and those of them that an
 * operation that stands has: with it they have power over the DID. Of a move that was undone, what was nullified counts.
 */
export const keysOfMove = (
  log: VerifiedLog,
  { before, data }: Rotation,
): { keys: string[]; standing: string[] } => {
  const namedBy = (said: PlcData | null | undefined): string[] =>
    said ? [...said.rotationKeys, ...Object.values(said.verificationMethods)] : []
  const dataOf = ({ operation }: AuditEntry) => operationData(operation)
  const later = log.entries.slice(log.entries.findIndex(({ cid }) => cid === before.cid) + 1)
  const nullified = later.filter((entry) => entry.nullified)
  const known = new Set(namedBy(data))
  const named = (nullified.length > 0 ? nullified : later).flatMap((entry) => namedBy(dataOf(entry)))
  const keys = [...new Set(named)].filter((key) => !known.has(key))
  const stands = new Set(standing(log).flatMap((entry) => namedBy(dataOf(entry))))
  return { keys, standing: keys.filter((key) => stands.has(key)) }
}

/**
 * The operation that brings back what the DID says with the operation `prev`. It nullifies every operation that
 * followed that one, if a key signs it that ranks above the key of the first of them.
 */
export const buildUndo = (data: PlcData, prev: string): UnsignedOperation => {
  // An account in the legacy form may have one key in both roles; the directory now refuses duplicates.
  const rotationKeys = [...new Set(data.rotationKeys)]
  return parseUnsignedOperation({ type: 'plc_operation', ...data, rotationKeys, prev })
}

/** What can be done with an undo operation, as the log is now. */
export type UndoState =
  /** It follows the head: it is prepared. */
  | { state: 'fresh'; overrides: string[] }
  /** The DID has moved. Until then (milliseconds since the epoch) it undoes that, and everything after it. */
  | { state: 'ready'; until: number; rotation: Rotation; nullifies: AuditEntry[] }
  /** It is in the log, and stands. */
  | { state: 'done' }
  /** It is worthless; `why` says why, as a sentence. */
  | { state: 'stale' | 'late' | 'powerless' | 'foreign'; why: string }

const when = (ms: number): string => new Date(ms).toISOString()

/** How an undo operation stands to the log. `now`: milliseconds since the epoch. */
export async function undoState(log: VerifiedLog, operation: Operation, now: number): Promise<UndoState> {
  const cid = await operationCid({ ...operation })
  const known = log.entries.find((entry) => entry.cid === cid)
  if (known) {
    if (!known.nullified) return { state: 'done' }
    return { state: 'stale', why: 'it was submitted once, and another operation has nullified it since' }
  }
  const chain = standing(log)
  const at = chain.findIndex((entry) => entry.cid === operation.prev)
  const before = chain[at]
  const data = before && operationData(before.operation)
  if (!data)
    return log.entries.some((entry) => entry.cid === operation.prev)
      ? { state: 'stale', why: `it follows ${operation.prev}, which was nullified` }
      : { state: 'foreign', why: `it follows ${operation.prev}, which ${log.did} never had` }
  const { sig: _, ...unsigned } = operation
  if (canonicalJson(unsigned) !== canonicalJson(buildUndo(data, before.cid)))
    return { state: 'foreign', why: 'it does not bring back what the DID said, but changes it' }
  const keys = data.rotationKeys
  const signer = await findSigner(operation, keys)
  const rank = signer === undefined ? -1 : keys.indexOf(signer)
  if (rank < 0) return { state: 'foreign', why: 'it is not signed with a rotation key of the DID' }
  if (rank === keys.length - 1)
    return {
      state: 'powerless',
      why: 'no rotation key ranks below the one that signed it: it undoes nothing',
    }
  const next = chain[at + 1]
  if (!next) return { state: 'fresh', overrides: keys.slice(rank + 1) }
  const rotation = rotationAt(chain, at + 1)
  if (!rotation)
    return { state: 'stale', why: `the DID has had another operation since, at ${when(next.createdAt)}` }
  const until = next.createdAt + RECOVERY_WINDOW_MS
  if (now > until) return { state: 'late', why: `the 72 hours after the move ended at ${when(until)}` }
  if (keys.indexOf(log.signers.get(next.cid) ?? '') <= rank)
    return {
      state: 'powerless',
      why: 'the move was signed with a key that does not rank below the recovery key',
    }
  return { state: 'ready', until, rotation, nullifies: chain.slice(at + 1) }
}
