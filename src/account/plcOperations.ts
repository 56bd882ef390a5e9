/** The account's did:plc operations: signed once per token, submitted, voided. */
import { createHash } from 'node:crypto'
import type { RotationKey } from '../crypto/keys.ts'
import type { MigrationClaims } from '../crypto/migrationToken.ts'
import { fault } from '../fault.ts'
import type { Platform } from '../platform.ts'
import { buildOperation, type OperationRequest, PDS_ID, PDS_TYPE, voidOperation } from '../plc/build.ts'
import { operationCid } from '../plc/cid.ts'
import { diffOperation, droppedKeys } from '../plc/diff.ts'
import { type Directory, DirectoryError } from '../plc/directory.ts'
import { PlcError } from '../plc/errors.ts'
import {
  parseAlsoKnownAs,
  parseOperation,
  parseRotationKeys,
  parseServices,
  parseVerificationMethods,
} from '../plc/parse.ts'
import type { Operation, PlcHead, UnsignedOperation } from '../plc/types.ts'
import { error, XrpcError } from '../xrpc/errors.ts'
import { see } from './help.ts'
import type { IdentityWatch, Observation } from './identityWatch.ts'
import type { Journal } from './journal.ts'
import { type Ledger, type LedgerEntry, storedOperation, voidId } from './ledger.ts'
import type { Sequencer } from './sequencer.ts'
import type { Sql } from './sql.ts'
import { readAccount } from './state.ts'
import { plcRefused, upstream } from './upstream.ts'

export interface PlcParts {
  sql: Sql
  platform: Pick<Platform, 'now'>
  journal: Journal
  sequencer: Sequencer
  ledger: Ledger
  watch: IdentityWatch
  directory: Directory
  key: RotationKey
  /** did:key of the signing key. */
  signingKey: string
  recoveryKeys: readonly string[]
  did: string
  handle: string
  origin: string
}

/** signPlcOperation's input without the token: `unknown` where the lexicon says so. */
export interface SignInput {
  rotationKeys?: unknown
  alsoKnownAs?: unknown
  verificationMethods?: unknown
  services?: unknown
}

/** An operation that was signed here, is not in the directory and can still be sent. */
export interface Unsubmitted {
  cid: string
  /** Milliseconds. */
  at: number
  pds: string | undefined
  /** A sentence for each thing that it would change. */
  changes: string[]
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

/** Keys sorted, so that the same wish in another order is the same wish. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )

const hash = (value: unknown): string => createHash('sha256').update(canonical(value)).digest('hex')

export class PlcOperations {
  readonly #parts: PlcParts

  constructor(parts: PlcParts) {
    this.#parts = parts
  }

  /**
   * Signs what a migration token allows. One operation per token: the same request brings the stored
   * one again, byte by byte, also after the head has moved.
   */
  async sign(token: MigrationClaims, input: SignInput): Promise<Operation> {
    const { ledger } = this.#parts
    this.requirePlc('signPlcOperation')
    try {
      const request = parseRequest(input)
      const wish = hash(request)
      const known = this.#known(token.jti, wish)
      if (known) return known
      const head = await this.#signable(token)
      const operation = buildOperation(head, request, {
        ourKey: this.#parts.key.did,
        recoveryKeys: this.#parts.recoveryKeys,
        token: { target: token.target },
      })
      const entry = await this.#signed(token.jti, wish, operation)
      fault('sign.beforeLedger')
      // The last await is behind us: compare and store as one.
      const answer = this.#parts.sql.transaction(() => {
        const meanwhile = this.#known(token.jti, wish)
        if (meanwhile) return meanwhile
        if (token.iat * 1000 < readAccount(this.#parts.sql).tokensNotBefore)
          throw error('InvalidToken', `the migration token has been revoked. ${see('token-revoked')}`)
        ledger.store(entry)
        this.#note('sign', head, operation, { jti: token.jti, cid: entry.cid })
        return storedOperation(entry)
      })
      fault('sign.afterLedger')
      return answer
    } catch (cause) {
      throw plcRefused(cause)
    }
  }

  /** The reference's checks, in words that say what to change; then the directory. */
  async submit(input: unknown): Promise<void> {
    const { did, directory, sequencer, journal, handle, watch } = this.#parts
    this.requirePlc('submitPlcOperation')
    const operation = this.#checked(input)
    const { head } = await this.#lookUp()
    const cid = await operationCid(operation)
    if (head && head.cid !== cid && head.cid !== operation.prev)
      throw error(
        'InvalidRequest',
        `the operation follows ${operation.prev}, but the newest one of ${did} is ${head.cid}: have a new one signed. ${see('token-head-moved')}`,
      )
    try {
      await directory.submit(did, operation)
    } catch (cause) {
      throw upstream(cause)
    }
    sequencer.transaction(() => {
      sequencer.identity(handle)
      watch.announced(handle, this.#parts.signingKey)
      journal.append('submit', { cid, prev: operation.prev })
    })
    await watch.observe().catch(() => undefined)
  }

  /** Signed on this head, not in the directory, and still good. */
  unsubmitted({ head }: Pick<Observation, 'head'>): Unsubmitted[] {
    const data = head?.data
    if (!head || !data) return []
    return this.#parts.ledger.waitingOn(head.cid).map((entry) => {
      const operation = storedOperation(entry)
      return {
        cid: entry.cid,
        at: entry.at,
        pds: operation.services[PDS_ID]?.endpoint,
        changes: diffOperation(data, operation).map(({ text }) => text),
      }
    })
  }

  /** Puts an operation that changes nothing in the place of those that wait on the present head. */
  async void(): Promise<{ head: string; voided: string[] }> {
    const { did, directory, ledger, sql, watch, journal } = this.#parts
    if (!did.startsWith('did:plc:'))
      throw new XrpcError('NothingToVoid', `${did} is no did:plc: nothing was signed for it`)
    const observation = await this.#directoryWork(() => watch.observe())
    const { head } = observation
    if (!head || ledger.waitingOn(head.cid).length === 0)
      throw new XrpcError(
        'NothingToVoid',
        'no operation that was signed here waits on the present head; nothing to do',
      )
    const entry = await this.#voidEntry(head)
    await this.#directoryWork(() => directory.submit(did, storedOperation(entry)))
    // Read only now: one that was signed in the meantime follows the same head, and is void too.
    const voided = ledger.waitingOn(head.cid).map(({ cid }) => cid)
    sql.transaction(() => journal.append('void', { head: entry.cid, voided }))
    await watch.observe().catch(() => undefined)
    return { head: entry.cid, voided }
  }

  /** What an account that moves here should put into its DID document. */
  recommended() {
    const { did, handle, origin, key, recoveryKeys, signingKey } = this.#parts
    return {
      ...(did.startsWith('did:plc:') && { rotationKeys: [...new Set([...recoveryKeys, key.did])] }),
      alsoKnownAs: [`at://${handle}`],
      verificationMethods: { atproto: signingKey },
      services: { [PDS_ID]: { type: PDS_TYPE, endpoint: origin } },
    }
  }

  /** did:web has no operations: its owner edits a file. */
  requirePlc(method: string): void {
    const { did } = this.#parts
    if (!did.startsWith('did:plc:'))
      throw error(
        'InvalidRequest',
        `${method} is for did:plc. To move ${did}, edit its did.json: set the serviceEndpoint of #${PDS_ID} to the new PDS, and the publicKeyMultibase of #atproto to the new PDS's key, as its getRecommendedDidCredentials states them`,
      )
  }

  #known(jti: string, wish: string): Operation | undefined {
    const entry = this.#parts.ledger.find(jti)
    if (!entry) return undefined
    if (entry.request === wish) return storedOperation(entry)
    throw error(
      'InvalidToken',
      `this migration token has signed another operation already (${entry.cid}); mint a new one with \`pds migrate-token\`. ${see('token-used')}`,
    )
  }

  /** The head, if it is still the one that the token speaks of and names us. */
  async #signable(token: MigrationClaims): Promise<PlcHead> {
    const { origin } = this.#parts
    const observation = await this.#lookUp()
    const { head } = observation
    if (!head) throw new Error('a did:plc was observed without its head')
    if (!head.data)
      throw new PlcError('Tombstoned', `${head.did} has been tombstoned: no operation can follow`)
    if (observation.pds !== origin)
      throw error(
        'InvalidRequest',
        `the DID names ${observation.pds ?? 'no PDS'} and not ${origin}: this server signs nothing more for it. ${see('did-elsewhere')}`,
      )
    if (token.plc?.prev !== head.cid)
      throw error(
        'InvalidToken',
        `the DID has a newer operation (${head.cid}) than the one the token was minted on (${token.plc?.prev ?? 'none'}); mint a new one with \`pds migrate-token\`. ${see('token-head-moved')}`,
      )
    return head
  }

  async #signed(jti: string, request: string, unsigned: UnsignedOperation): Promise<LedgerEntry> {
    const operation = await this.#parts.key.signOperation(unsigned)
    const { prev } = operation
    if (prev === null) throw new Error('a genesis operation is not signed here')
    const cid = await operationCid(operation)
    return { jti, at: this.#parts.platform.now(), request, operation: JSON.stringify(operation), cid, prev }
  }

  #note(event: string, head: PlcHead, operation: UnsignedOperation, detail: Record<string, string>): void {
    if (!head.data) throw new Error('an operation follows a tombstone')
    this.#parts.journal.append(event, {
      ...detail,
      prev: head.cid,
      pds: operation.services[PDS_ID]?.endpoint ?? null,
      droppedKeys: droppedKeys(head.data, operation),
      changes: diffOperation(head.data, operation).map(({ text }) => text),
    })
  }

  /** The ledger first, here too: what was signed once is sent again. */
  async #voidEntry(head: PlcHead): Promise<LedgerEntry> {
    const { ledger, sql, key } = this.#parts
    const id = voidId(head.cid)
    const known = ledger.find(id)
    if (known) return known
    try {
      const operation = voidOperation(head, key.did)
      const entry = await this.#signed(id, 'void', operation)
      return sql.transaction(() => {
        const meanwhile = ledger.find(id)
        if (meanwhile) return meanwhile
        ledger.store(entry)
        this.#note('sign', head, operation, { jti: id, cid: entry.cid })
        return entry
      })
    } catch (cause) {
      if (cause instanceof PlcError && cause.code === 'KeyNotCurrent')
        throw new XrpcError('KeyNotAuthorized', `${cause.message}. ${see('rotation-key')}`)
      throw plcRefused(cause)
    }
  }

  #checked(input: unknown): Operation {
    const { key, origin, signingKey, handle } = this.#parts
    const wrong = (what: string) =>
      error(
        'InvalidRequest',
        `the operation would lead to a DID that does not work here: ${what}. See getRecommendedDidCredentials`,
      )
    try {
      const operation = parseOperation(input)
      const { rotationKeys, services, verificationMethods, alsoKnownAs } = operation
      const pds = services[PDS_ID]
      if (!rotationKeys.includes(key.did)) throw wrong(`rotationKeys lacks this server's key ${key.did}`)
      if (pds?.type !== PDS_TYPE) throw wrong(`services.${PDS_ID}.type must be ${PDS_TYPE}`)
      if (pds.endpoint.replace(/\/$/, '') !== origin)
        throw wrong(`services.${PDS_ID}.endpoint must be ${origin}`)
      if (verificationMethods.atproto !== signingKey)
        throw wrong(`verificationMethods.atproto must be ${signingKey}`)
      if (alsoKnownAs[0]?.toLowerCase() !== `at://${handle}`)
        throw wrong(`alsoKnownAs must begin with at://${handle}`)
      return operation
    } catch (cause) {
      throw plcRefused(cause)
    }
  }

  async #lookUp(): Promise<Observation> {
    try {
      return await this.#parts.watch.observe()
    } catch (cause) {
      throw upstream(cause)
    }
  }

  async #directoryWork<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (cause) {
      if (!(cause instanceof DirectoryError)) throw cause
      throw new XrpcError(
        'DirectoryUnavailable',
        `${cause.message}. Look at \`pds status\`, and try again. ${see('directory-unavailable')}`,
      )
    }
  }
}
