import type { PlcData, PlcHead, VerifiedLog } from '../plc/types.ts'

/** Whose account it is, as the verified log says: known before any password is asked for. */
export interface Who {
  readonly did: string
  /** The handle that the DID names first, if it has one. */
  readonly handle: string | undefined
  /** Origin of the PDS that the DID names. */
  readonly pds: string | undefined
  /** Every key that the DID ever named for signing commits, the present one first. */
  readonly signingKeys: readonly string[]
  /** Of a did:plc: its verified log. */
  readonly log: VerifiedLog | undefined
  /** Of a did:plc: the newest operation. */
  readonly head: (PlcHead & { data: PlcData }) | undefined
}
