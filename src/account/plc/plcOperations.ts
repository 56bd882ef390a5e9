/** The account's did:plc operations: signed once per token, submitted, voided. */
import type { MigrationClaims } from '../../signing/migrationToken.ts'
import { PDS_ID, PDS_TYPE } from '../../plc/build.ts'
import { diffOperation } from '../../plc/diff.ts'
import type { Operation } from '../../plc/types.ts'
import type { Observation } from '../identity/identityWatch.ts'
import { storedOperation } from './plcLedger.ts'
import { isPlc, type PlcDeps, requirePlc } from './deps.ts'
import { sign, type SignInput } from './sign.ts'
import { submit } from './submit.ts'
import { voidWaiting } from './void.ts'

/** An operation that was signed here, is not in the directory and can still be sent. */
export interface Unsubmitted {
  cid: string
  /** Milliseconds. */
  at: number
  pds: string | undefined
  /** A sentence for each thing that it would change. */
  changes: string[]
}

export class PlcOperations {
  readonly #deps: PlcDeps

  constructor(deps: PlcDeps) {
    this.#deps = deps
  }

  /** Refuses a method that only did:plc has, and says what a did:web does instead. */
  requirePlc(method: string): void {
    requirePlc(this.#deps.did, method)
  }

  /** Signs what a migration token allows, once. */
  sign(token: MigrationClaims, input: SignInput): Promise<Operation> {
    return sign(this.#deps, token, input)
  }

  /** Sends an operation that leads here to the directory. */
  submit(input: unknown): Promise<void> {
    return submit(this.#deps, input)
  }

  /** Makes worthless whatever was signed here and waits on the present head. */
  void(): Promise<{ head: string; voided: string[] }> {
    return voidWaiting(this.#deps)
  }

  /** Signed on this head, not in the directory, and still good. */
  unsubmitted({ head }: Pick<Observation, 'head'>): Unsubmitted[] {
    const data = head?.data
    if (!head || !data) return []
    return this.#deps.ledger.waitingOn(head.cid).map((entry) => {
      const operation = storedOperation(entry)
      return {
        cid: entry.cid,
        at: entry.at,
        pds: operation.services[PDS_ID]?.endpoint,
        changes: diffOperation(data, operation).map(({ text }) => text),
      }
    })
  }

  /** What an account that moves here should put into its DID document. */
  recommended() {
    const { did, handle, origin, key, recoveryKeys, signingKey } = this.#deps
    return {
      ...(isPlc(did) && { rotationKeys: [...new Set([...recoveryKeys, key.did])] }),
      alsoKnownAs: [`at://${handle}`],
      verificationMethods: { atproto: signingKey },
      services: { [PDS_ID]: { type: PDS_TYPE, endpoint: origin } },
    }
  }
}
