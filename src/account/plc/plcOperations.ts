import type { Operation } from '../../plc/types.ts'
import type { Observation } from '../identity/observeDid.ts'
import type { OwnChange } from '../../plc/ownChange.ts'
import { carryOut, type CarryOutOptions, planOperation, type PlannedOperation } from './changeDid.ts'
import type { PlcDeps } from './plcDeps.ts'
import { recommendedCredentials } from './recommendedCredentials.ts'
import { requirePlc } from './requirePlc.ts'
import { sign, type SignRequest } from './sign.ts'
import { type Signer, signingToken } from './signingToken.ts'
import { submit } from './submit.ts'
import { type Unsubmitted, unsubmitted } from './unsubmitted.ts'
import { voidUnsubmitted } from './voidUnsubmitted.ts'

/** The account's did:plc operations: signed once for each migration token, submitted, voided. */
export interface PlcOperations {
  /** Signs what a migration token allows, once. `token` is the one in the body, beside a session. */
  sign(signer: Signer, input: SignRequest & { token?: string }): Promise<Operation>
  /** Submits an operation, after which the DID names this server, to the directory. */
  submit(operation: unknown): Promise<void>
  /** Makes every unsubmitted operation on the present head worthless. */
  void(): Promise<{ head: string; voided: string[] }>
  /** The operation for a change of this server's own; undefined if the DID says all of it already. */
  plan(observation: Observation, change: OwnChange): PlannedOperation | undefined
  /** Makes such a change: signs, submits, then runs `within` in a transaction. May be repeated. */
  carryOut(observation: Observation, change: OwnChange, options: CarryOutOptions): Promise<void>
  /** The operations that were signed on this head and can still be submitted. */
  unsubmitted(observation: Pick<Observation, 'head'>): Unsubmitted[]
  /** What an account that moves to this server should put into its DID document. */
  recommended(): ReturnType<typeof recommendedCredentials>
}

export const createPlcOperations = (deps: PlcDeps): PlcOperations => ({
  sign: async (signer, { token, ...request }) => {
    requirePlc(deps.did, 'signPlcOperation')
    const claims = await signingToken(deps.migrationTokens, signer, token)
    const operation = await sign(deps, claims, request)
    await deps.watchMove()
    return operation
  },
  submit: (operation) => submit(deps, operation),
  void: () => voidUnsubmitted(deps),
  plan: ({ head }, change) => planOperation(deps, head, change),
  carryOut: (observation, change, options) => carryOut(deps, observation, change, options),
  unsubmitted: (observation) => unsubmitted(deps, observation),
  recommended: () => recommendedCredentials(deps),
})
