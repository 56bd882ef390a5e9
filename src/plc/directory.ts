import { CodedError } from '../codedError.ts'
import { type Outbound, OutboundError, type OutboundResponse } from '../outbound.ts'
import { operationCid } from './cid.ts'
import { PlcError } from './errors.ts'
import { verifyLog } from './verifyLog.ts'
import { parseAuditLog } from './parse.ts'
import type { Operation, PlcHead, VerifiedLog } from './types.ts'

export type DirectoryErrorCode =
  /** It is slow, failing or busy. */
  | 'Unavailable'
  /** The DID is not registered. */
  | 'NotFound'
  /** The DID has been tombstoned. */
  | 'Gone'
  /** It refused the operation. */
  | 'Rejected'
  /** Its answer does not verify. */
  | 'BadAnswer'

/** Why the directory did not do what was asked. If `retryable`, the same request may succeed later. */
export class DirectoryError extends CodedError<DirectoryErrorCode> {
  override readonly name = 'DirectoryError'
  readonly retryable: boolean

  constructor(code: DirectoryErrorCode, message: string) {
    super(code, message)
    this.retryable = code === 'Unavailable'
  }
}

export interface Directory {
  /** The whole log, verified from the genesis operation on. */
  log(did: string): Promise<VerifiedLog>
  /** The newest valid operation of the verified log. */
  head(did: string): Promise<PlcHead>
  /** The DID document as the directory shows it, unparsed and unverified. */
  document(did: string): Promise<unknown>
  /** Sends a signed operation. May be repeated: an operation that is in the log already, and valid, counts as sent. */
  submit(did: string, operation: Operation): Promise<void>
}

const MAX_LOG_BYTES = 8 * 1024 * 1024
const MAX_DOCUMENT_BYTES = 256 * 1024
/** A log with a hundred operations has about 100,000 characters. */
const MAX_KEPT_CHARACTERS = 128 * 1024

/** A client of a did:plc directory (PLC_DIRECTORY_URL). */
export const createDirectory = (send: Outbound, url: string): Directory => {
  const host = URL.canParse(url) ? new URL(url).host : url
  const address = (did: string, path = '') => `${url.replace(/\/$/, '')}/${encodeURIComponent(did)}${path}`

  const ask = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (cause) {
      if (cause instanceof PlcError)
        throw new DirectoryError(
          'BadAnswer',
          `the PLC directory ${host} gave a wrong answer: ${cause.message}`,
        )
      if (!(cause instanceof OutboundError)) throw cause
      throw new DirectoryError(
        'Unavailable',
        `the PLC directory is not available, try again: ${cause.message}`,
      )
    }
  }

  const get = <T>(
    did: string,
    path: string,
    maxBytes: number,
    read: (answer: OutboundResponse) => Promise<T>,
  ): Promise<T> =>
    ask(async () => {
      const response = await send(address(did, path), {
        maxBytes,
        accept: 'application/json',
        statuses: [404, 410],
      })
      if (response.status === 404)
        throw await missingError(response, 'NotFound', `${did} is not registered at ${host}`)
      if (response.status === 410) throw await missingError(response, 'Gone', `${did} has been tombstoned`)
      return await read(response)
    })

  const parseJson = (text: string): unknown => {
    try {
      return JSON.parse(text)
    } catch {
      throw new OutboundError('Network', `${host} did not answer with JSON`)
    }
  }

  /** The log that was verified last: the same bytes need not be verified again, as nothing of that depends on the time. */
  let last: { did: string; text: string; verified: VerifiedLog } | undefined
  const log = (did: string): Promise<VerifiedLog> =>
    get(did, '/log/audit', MAX_LOG_BYTES, async (answer) => {
      const text = await answer.text()
      if (last?.did === did && last.text === text) return last.verified
      const verified = await verifyLog(did, parseAuditLog(parseJson(text)))
      last = text.length <= MAX_KEPT_CHARACTERS ? { did, text, verified } : undefined
      return verified
    })
  const head = async (did: string): Promise<PlcHead> => (await log(did)).head

  /** After a refusal or a lost answer, the operation may still have been accepted, now or in an earlier attempt. */
  const arrived = async (did: string, operation: Operation): Promise<boolean> => {
    try {
      const cid = await operationCid(operation)
      const { entries } = await log(did)
      return entries.some((entry) => entry.cid === cid && !entry.nullified)
    } catch {
      return false
    }
  }

  return {
    log,
    head,
    document: (did) => get(did, '', MAX_DOCUMENT_BYTES, (answer) => answer.json()),
    submit: async (did, operation) => {
      try {
        await ask(async () => {
          const response = await send(address(did), {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify(operation),
            statuses: [400, 404, 409, 410],
            maxBytes: 16 * 1024,
          })
          const text = await response.text()
          if (response.status > 299)
            throw new DirectoryError(
              'Rejected',
              `the PLC directory refused the operation: ${refusalReason(text)}`,
            )
        })
      } catch (cause) {
        if (!(await arrived(did, operation))) throw cause
      }
    },
  }
}

const missingError = async (response: OutboundResponse, code: 'NotFound' | 'Gone', message: string) => {
  await response.stream().cancel()
  return new DirectoryError(code, message)
}

/** The directory's own message, made safe to show. */
const refusalReason = (text: string): string => {
  try {
    const answer: unknown = JSON.parse(text)
    if (typeof answer === 'object' && answer !== null && 'message' in answer) text = String(answer.message)
  } catch {
    // Text that is not JSON is shown as it is.
  }
  return JSON.stringify(text.slice(0, 300))
}
