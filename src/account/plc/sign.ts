import { createHash } from 'node:crypto'
import { canonicalJson } from '../../canonicalJson.ts'
import type { MigrationClaims } from '../../signing/migrationToken.ts'
import { fault } from '../../fault.ts'
import { buildOperation, type OperationRequest } from '../../plc/build.ts'
import { PlcError } from '../../plc/errors.ts'
import {
  parseAlsoKnownAs,
  parseRotationKeys,
  parseServices,
  parseVerificationMethods,
} from '../../plc/parse.ts'
import type { Operation, PlcHead } from '../../plc/types.ts'
import { error } from '../../xrpc/errors.ts'
import { docsLink } from '../../docsLink.ts'
import { type PlcLedger, storedOperation } from './plcLedger.ts'
import type { PlcDeps } from './plcDeps.ts'
import { requireHere } from './requireHere.ts'
import { plcRequestError } from './plcRequestError.ts'
import { signEntry, storeEntry } from './signEntry.ts'

/** What signPlcOperation asks for, without the token: `unknown` where the lexicon says so. */
export interface SignRequest {
  rotationKeys?: unknown
  alsoKnownAs?: unknown
  verificationMethods?: unknown
  services?: unknown
}

const parseRequest = (input: SignRequest): OperationRequest => {
  const { rotationKeys, alsoKnownAs, verificationMethods, services } = input
  return {
    ...(rotationKeys !== undefined && { rotationKeys: parseRotationKeys(rotationKeys) }),
    ...(alsoKnownAs !== undefined && { alsoKnownAs: parseAlsoKnownAs(alsoKnownAs) }),
    ...(verificationMethods !== undefined && {
      verificationMethods: parseVerificationMethods(verificationMethods),
    }),
    ...(services !== undefined && { services: parseServices(services) }),
  }
}

/** The hash of the canonical form, so that the same request with its keys in another order has the same hash. */
const hashRequest = (request: OperationRequest): string =>
  createHash('sha256').update(canonicalJson(request)).digest('hex')

/** The operation that this token has already signed, if any. Refuses a different request. */
const signedBefore = (plcLedger: PlcLedger, jti: string, requestHash: string): Operation | undefined => {
  const entry = plcLedger.find(jti)
  if (!entry) return undefined
  if (entry.request === requestHash) return storedOperation(entry)
  throw error(
    'InvalidToken',
    `this migration token has signed another operation already (${entry.cid}); mint a new one with \`pds migrate-token\`. ${docsLink('token-used')}`,
  )
}

/** The head, if it is still the one that the token was minted on, and names this server. */
const signableHead = async (deps: PlcDeps, token: MigrationClaims): Promise<PlcHead> => {
  const observation = await deps.identityWatch.lookUp()
  const { head } = observation
  if (!head) throw new Error('a did:plc was observed without its head')
  if (!head.data) throw new PlcError('Tombstoned', `${head.did} has been tombstoned: no operation can follow`)
  requireHere(deps, observation)
  if (token.plc?.prev !== head.cid)
    throw error(
      'InvalidToken',
      `the DID has a newer operation (${head.cid}) than the one the token was minted on (${token.plc?.prev ?? 'none'}); mint a new one with \`pds migrate-token\`. ${docsLink('token-head-moved')}`,
    )
  return head
}

/**
 * Signs what a migration token allows. One operation for each token: the same request brings the stored operation
 * again, byte for byte, even after the head has moved.
 */
export const sign = async (deps: PlcDeps, token: MigrationClaims, input: SignRequest): Promise<Operation> => {
  const { sql, plcLedger, rotationKey, recoveryKeys } = deps
  const { jti, target } = token
  try {
    const request = parseRequest(input)
    const requestHash = hashRequest(request)
    const before = signedBefore(plcLedger, jti, requestHash)
    if (before) return before
    const head = await signableHead(deps, token)
    const operation = buildOperation(head, request, {
      ourKey: rotationKey.did,
      recoveryKeys,
      token: { target },
    })
    const entry = await signEntry(deps, { jti, request: requestHash }, operation)
    fault('sign.beforeLedger')
    // There is no await from here on. One transaction looks for an earlier entry and stores this one.
    const answer = sql.transaction(() => {
      const meanwhile = signedBefore(plcLedger, jti, requestHash)
      if (meanwhile) return meanwhile
      // The request's own credential is asked again by every transaction. This is the token in its body, perhaps.
      deps.migrationTokens.assertStillValid(token)
      storeEntry(deps, entry, head, operation)
      return storedOperation(entry)
    })
    fault('sign.afterLedger')
    return answer
  } catch (cause) {
    throw plcRequestError(cause)
  }
}
