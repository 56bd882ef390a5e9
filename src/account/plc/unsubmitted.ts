import { PDS_ID } from '../../plc/build.ts'
import { diffOperation } from '../../plc/diffOperation.ts'
import type { Observation } from '../identity/observeDid.ts'
import type { PlcDeps } from './plcDeps.ts'
import { storedOperation } from './plcLedger.ts'

/** An operation that was signed here, is not in the directory, and can still be submitted. */
export interface Unsubmitted {
  cid: string
  /** When it was signed: milliseconds since the epoch. */
  at: number
  /** The endpoint of the PDS that it would name. */
  pds: string | undefined
  /** A sentence for each thing that it would change. */
  changes: string[]
}

/** The operations that were signed on this head, oldest first. There are none on a tombstone. */
export const unsubmitted = (
  { plcLedger }: Pick<PlcDeps, 'plcLedger'>,
  { head }: Pick<Observation, 'head'>,
): Unsubmitted[] => {
  const data = head?.data
  if (!head || !data) return []
  return plcLedger.unsubmittedOn(head.cid).map((entry) => {
    const operation = storedOperation(entry)
    return {
      cid: entry.cid,
      at: entry.at,
      pds: operation.services[PDS_ID]?.endpoint,
      changes: diffOperation(data, operation).map(({ text }) => text),
    }
  })
}
