import { lexToIpld } from '@atproto/lexicon'
import type { LexMap } from '@atproto/lex-data'
import { isValidRecordKey } from '@atproto/syntax'
import { error } from '../../../xrpc/errors.ts'
import { lexicons } from '../../../xrpc/lexicons.ts'
import type { RepoWrite } from './resolveWrites.ts'

export type ValidationStatus = 'valid' | 'unknown' | undefined

export interface PreparedRecord {
  write: RepoWrite
  /** Undefined where the client asked for no validation. */
  validationStatus: ValidationStatus
}

export interface RecordRequest {
  action: 'create' | 'update' | 'put'
  collection: string
  rkey?: string
  /** The record in the lexicon library's form: BlobRef, CID and bytes are classes. */
  record: { [name: string]: unknown }
  /** true: its lexicon must be known. false: it is not validated. Absent: it is validated if its lexicon is known. */
  validate?: boolean
}

/** The given record key if the lexicon allows it; without one, the key that the lexicon names, or a new TID. */
function recordKey(collection: string, given: string | undefined, nextKey: () => string): string {
  const def = lexicons().getDef(collection)
  const kind = def?.type === 'record' ? (def.key ?? 'any') : 'any'
  const literal = kind.startsWith('literal:') ? kind.slice('literal:'.length) : undefined
  const rkey = given ?? literal ?? nextKey()
  const shown = rkey.slice(0, 100)
  if (!isValidRecordKey(rkey)) throw error('InvalidRequest', `"${shown}" is not a record key`)
  if (literal !== undefined && rkey !== literal)
    throw error('InvalidRequest', `a record of ${collection} has the key "${literal}", not "${shown}"`)
  return rkey
}

function validate(collection: string, record: object, asked: boolean | undefined): ValidationStatus {
  if (asked === false) return undefined
  if (lexicons().getDef(collection)?.type !== 'record') {
    if (asked)
      throw error(
        'InvalidRequest',
        `the lexicon of ${collection} is not known here, so it cannot be validated`,
      )
    return 'unknown'
  }
  try {
    lexicons().assertValidRecord(collection, record)
    return 'valid'
  } catch (cause) {
    throw error(
      'InvalidRequest',
      `Invalid ${collection} record: ${cause instanceof Error ? cause.message : 'not valid'}`,
    )
  }
}

/**
 * Turns a record as a client sent it into a write: with a record key, a `$type`, and validated by its lexicon; throws
 * what is wrong with it. Whether its blobs are stored is checked when the write is committed (`requireBlobs`).
 */
export function prepareRecord(request: RecordRequest, nextKey: () => string): PreparedRecord {
  const { action, collection } = request
  const rkey = recordKey(collection, request.rkey, nextKey)
  // `unknown` in a lexicon also accepts lists, links, bytes and blobs, whose members are not fields.
  if (Object.getPrototypeOf(request.record) !== Object.prototype)
    throw error('InvalidRequest', 'the record must be an object with fields')
  const typed = { ...request.record, $type: request.record.$type ?? collection }
  if (typed.$type !== collection)
    throw error(
      'InvalidRequest',
      `Invalid $type: expected ${collection}, got ${JSON.stringify(typed.$type).slice(0, 100)}`,
    )
  const validationStatus = validate(collection, typed, request.validate)
  // jsonToLex made this from the body, so it is a map of lexicon values, though its type is unknown.
  const record = lexToIpld(typed) as LexMap
  return { write: { action, collection, rkey, record }, validationStatus }
}
