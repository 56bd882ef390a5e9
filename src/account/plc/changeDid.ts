import { createHash } from 'node:crypto'
import { canonicalJson } from '../../canonicalJson.ts'
import { fault } from '../../fault.ts'
import { diffOperation } from '../../plc/diffOperation.ts'
import { buildOwnChange, type OwnChange } from '../../plc/ownChange.ts'
import type { PlcHead, UnsignedOperation } from '../../plc/types.ts'
import { XrpcError } from '../../xrpc/errors.ts'
import type { Observation } from '../identity/observeDid.ts'
import { upstreamError } from '../identity/upstreamError.ts'
import type { PlcDeps } from './plcDeps.ts'
import { ownId, type PlcLedgerEntry, storedOperation } from './plcLedger.ts'
import { plcRequestError } from './plcRequestError.ts'
import { signEntry, storeEntry } from './signEntry.ts'

/** An operation that this server would sign for a change of its own. */
export interface PlannedOperation {
  /** Names exactly this operation: `carryOut` with it signs no other. */
  id: string
  /** What would be signed. */
  operation: UnsignedOperation
  /** A sentence for each thing that it changes. */
  changes: string[]
}

export interface CarryOutOptions {
  /** The operation that the owner has seen and agreed to. */
  expected?: string | undefined
  /** Runs in one transaction with the journal, once the DID says what was wanted. */
  within(): void
}

/** The operation that makes the change on this head; undefined if the DID says all of it already. */
export const planOperation = (
  { rotationKey, recoveryKeys }: Pick<PlcDeps, 'rotationKey' | 'recoveryKeys'>,
  head: PlcHead | undefined,
  change: OwnChange,
): PlannedOperation | undefined => {
  if (!head) throw new Error('a did:plc was observed without its head')
  try {
    const operation = buildOwnChange(head, change, { ourKey: rotationKey.did, recoveryKeys })
    if (!operation || !head.data) return undefined
    return {
      id: createHash('sha256').update(canonicalJson(operation)).digest('hex'),
      operation,
      changes: diffOperation(head.data, operation).map(({ text }) => text),
    }
  } catch (cause) {
    throw plcRequestError(cause)
  }
}

/** The operation, signed, in the ledger before it is sent: one that was signed earlier is sent again. */
const signedEntry = async (
  deps: PlcDeps,
  head: PlcHead,
  { id, operation }: PlannedOperation,
): Promise<PlcLedgerEntry> => {
  const { plcLedger, sql } = deps
  const jti = ownId(id)
  const entry = plcLedger.find(jti) ?? (await signEntry(deps, { jti, request: id }, operation))
  return sql.transaction(() => {
    const before = plcLedger.find(jti)
    if (before) return before
    storeEntry(deps, entry, head, operation)
    return entry
  })
}

const requireSame = (planned: PlannedOperation | undefined, expected: string | undefined): void => {
  // What is not to be done any more cannot be done otherwise than it was agreed to.
  if (expected === undefined || planned === undefined || planned.id === expected) return
  throw new XrpcError(
    'OperationChanged',
    'the DID has changed since the operation was shown, and another one would be needed now: look at it first',
  )
}

/**
 * Makes a change of this server's own in the account's did:plc: signs, submits, and then runs `within`. May be repeated
 * after any interruption: what is signed is sent again, and what the directory has is not signed again.
 */
export const carryOut = async (
  deps: PlcDeps,
  observation: Observation,
  change: OwnChange,
  { expected, within }: CarryOutOptions,
): Promise<void> => {
  const { sql, did, directory, sequencer, journal, identityWatch } = deps
  const { head } = observation
  const planned = planOperation(deps, head, change)
  requireSame(planned, expected)
  if (!planned || !head) {
    sequencer.transaction(within)
    return
  }
  const entry = await signedEntry(deps, head, planned)
  fault('change.afterLedger')
  sql.assertGuard()
  try {
    await directory.submit(did, storedOperation(entry))
  } catch (cause) {
    throw upstreamError(cause)
  }
  fault('change.afterSubmit')
  // The directory has taken it: what follows from that is stored, whatever became of the session meanwhile.
  sql.unguarded(() =>
    sequencer.transaction(() => {
      journal.append('submit', { cid: entry.cid, prev: entry.prev })
      within()
    }),
  )
  fault('change.afterStored')
  await identityWatch.observe().catch(() => undefined)
}
