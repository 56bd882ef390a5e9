/** Signing what a migration token allows: one operation per token. */
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
import { readAccount } from '../db/accountRow.ts'
import { lookUp, plcRefused } from '../identity/upstream.ts'
import { type PlcDeps, requirePlc } from './deps.ts'
import { keepEntry, signEntry } from './signEntry.ts'

/** signPlcOperation's input without the token: `unknown` where the lexicon says so. */
export interface SignInput {
  rotationKeys?: unknown
  alsoKnownAs?: unknown
  verificationMethods?: unknown
  services?: unknown
}

const parseRequest = (input: SignInput): OperationRequest => {
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

/** Of the canonical form, so that the same wish in another order is the same wish. */
const hash = (value: unknown): string => createHash('sha256').update(canonicalJson(value)).digest('hex')

/** What this token has signed already. */
const known = (ledger: PlcLedger, jti: string, wish: string): Operation | undefined => {
  const entry = ledger.find(jti)
  if (!entry) return undefined
  if (entry.request === wish) return storedOperation(entry)
  throw error(
    'InvalidToken',
    `this migration token has signed another operation already (${entry.cid}); mint a new one with \`pds migrate-token\`. ${docsLink('token-used')}`,
  )
}

/** The head, if it is still the one that the token speaks of and names us. */
const signable = async ({ origin, watch }: PlcDeps, token: MigrationClaims): Promise<PlcHead> => {
  const { head, pds } = await lookUp(watch)
  if (!head) throw new Error('a did:plc was observed without its head')
  if (!head.data) throw new PlcError('Tombstoned', `${head.did} has been tombstoned: no operation can follow`)
  if (pds !== origin)
    throw error(
      'InvalidRequest',
      `the DID names ${pds ?? 'no PDS'} and not ${origin}: this server signs nothing more for it. ${docsLink('did-elsewhere')}`,
    )
  if (token.plc?.prev !== head.cid)
    throw error(
      'InvalidToken',
      `the DID has a newer operation (${head.cid}) than the one the token was minted on (${token.plc?.prev ?? 'none'}); mint a new one with \`pds migrate-token\`. ${docsLink('token-head-moved')}`,
    )
  return head
}

/**
 * Signs what a migration token allows. One operation per token: the same request brings the stored
 * one again, byte by byte, also after the head has moved.
 */
export const sign = async (deps: PlcDeps, token: MigrationClaims, input: SignInput): Promise<Operation> => {
  const { sql, ledger, key, recoveryKeys, did } = deps
  requirePlc(did, 'signPlcOperation')
  const { jti, iat, target } = token
  try {
    const request = parseRequest(input)
    const wish = hash(request)
    const before = known(ledger, jti, wish)
    if (before) return before
    const head = await signable(deps, token)
    const operation = buildOperation(head, request, { ourKey: key.did, recoveryKeys, token: { target } })
    const entry = await signEntry(deps, { jti, request: wish }, operation)
    fault('sign.beforeLedger')
    // The last await is behind us: compare and store as one.
    const answer = sql.transaction(() => {
      const meanwhile = known(ledger, jti, wish)
      if (meanwhile) return meanwhile
      if (iat * 1000 < readAccount(sql).tokensNotBefore)
        throw error('InvalidToken', `the migration token has been revoked. ${docsLink('token-revoked')}`)
      keepEntry(deps, entry, head, operation)
      return storedOperation(entry)
    })
    fault('sign.afterLedger')
    return answer
  } catch (cause) {
    throw plcRefused(cause)
  }
}
