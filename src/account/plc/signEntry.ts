/** A signature of the rotation key, and the two places that must know of it before it leaves. */
import { operationCid } from '../../plc/cid.ts'
import { diffOperation, droppedKeys } from '../../plc/diff.ts'
import { PDS_ID } from '../../plc/build.ts'
import type { PlcHead, UnsignedOperation } from '../../plc/types.ts'
import type { LedgerEntry } from './plcLedger.ts'
import type { PlcDeps } from './deps.ts'

/** Signs an operation, for the ledger. `request`: what was asked for. */
export const signEntry = async (
  { key, platform }: PlcDeps,
  { jti, request }: { jti: string; request: string },
  unsigned: UnsignedOperation,
): Promise<LedgerEntry> => {
  const operation = await key.signOperation(unsigned)
  const { prev } = operation
  if (prev === null) throw new Error('a genesis operation is not signed here')
  const cid = await operationCid(operation)
  return { jti, at: platform.now(), request, operation: JSON.stringify(operation), cid, prev }
}

/** Writes it into ledger and journal, in the transaction that has seen that it is the first of its `jti`. */
export const keepEntry = (
  { ledger, journal }: PlcDeps,
  entry: LedgerEntry,
  head: PlcHead,
  operation: UnsignedOperation,
): void => {
  if (!head.data) throw new Error('an operation follows a tombstone')
  ledger.store(entry)
  journal.append('sign', {
    jti: entry.jti,
    cid: entry.cid,
    prev: head.cid,
    pds: operation.services[PDS_ID]?.endpoint ?? null,
    droppedKeys: droppedKeys(head.data, operation),
    changes: diffOperation(head.data, operation).map(({ text }) => text),
  })
}
