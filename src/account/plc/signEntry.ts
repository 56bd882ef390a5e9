import { operationCid } from '../../plc/cid.ts'
import { diffOperation, droppedKeys } from '../../plc/diffOperation.ts'
import { PDS_ID } from '../../plc/build.ts'
import type { PlcHead, UnsignedOperation } from '../../plc/types.ts'
import type { PlcLedgerEntry } from './plcLedger.ts'
import type { PlcDeps } from './plcDeps.ts'

/** Signs an operation with the rotation key, as an entry for the ledger. `request` is the hash of what was asked for. */
export const signEntry = async (
  { rotationKey, platform }: PlcDeps,
  { jti, request }: { jti: string; request: string },
  unsigned: UnsignedOperation,
): Promise<PlcLedgerEntry> => {
  const operation = await rotationKey.signOperation(unsigned)
  const { prev } = operation
  if (prev === null) throw new Error('a genesis operation is not signed here')
  const cid = await operationCid(operation)
  return { jti, at: platform.now(), request, operation: JSON.stringify(operation), cid, prev }
}

/**
 * Writes an entry into the ledger and the journal, before its signature leaves this server. Runs inside the
 * transaction that has found no entry for this `jti`.
 */
export const storeEntry = (
  { plcLedger, journal }: PlcDeps,
  entry: PlcLedgerEntry,
  head: PlcHead,
  operation: UnsignedOperation,
): void => {
  if (!head.data) throw new Error('an operation follows a tombstone')
  plcLedger.store(entry)
  journal.append('sign', {
    jti: entry.jti,
    cid: entry.cid,
    prev: head.cid,
    pds: operation.services[PDS_ID]?.endpoint ?? null,
    droppedKeys: droppedKeys(head.data, operation),
    changes: diffOperation(head.data, operation).map(({ text }) => text),
  })
}
