import { lexToIpld } from '@atproto/lexicon'
import type { LexMap } from '@atproto/lex-data'
import { isValidNsid, isValidRecordKey, isValidTid } from '@atproto/syntax'
import { error } from '../../../xrpc/errors.ts'
import { lexicons } from '../../../xrpc/lexicons.ts'
import type { RepoWrite } from './resolveWrites.ts'
import { assertStrict } from './assertStrict.ts'

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

/** The forms of record keys that a lexicon may ask for, besides a literal one. */
const KEY_FORMS: Record<string, { isValid: (rkey: string) => boolean; expected: string }> = {
  tid: { isValid: isValidTid, expected: 'a TID' },
  nsid: { isValid: isValidNsid, expected: 'an NSID' },
}

/** The record key that the lexicon of a collection allows; without a lexicon, any. */
const keyKind = (collection: string): string => {
  const def = lexicons().getDef(collection)
  return def?.type === 'record' ? (def.key ?? 'any') : 'any'
}

/** The given record key; without one, the key that the lexicon names, or a new TID. */
function recordKey({ collection, rkey: given, validate }: RecordRequest, nextKey: () => string): string {
  const kind = keyKind(collection)
  const literal = kind.startsWith('literal:') ? kind.slice('literal:'.length) : undefined
  const rkey = given ?? literal ?? nextKey()
  const shown = rkey.slice(0, 100)
  if (!isValidRecordKey(rkey)) throw error('InvalidRequest', `"${shown}" is not a record key`)
  if (validate === false) return rkey
  const form = KEY_FORMS[kind]
  const expected =
    literal === undefined ? form && !form.isValid(rkey) && form.expected : rkey !== literal && `"${literal}"`
  if (expected)
    throw error(
      'InvalidRequest',
      `Invalid record key for ${collection}: expected ${expected}, got "${shown}"`,
    )
  return rkey
}

function validate(collection: string, record: object, asked: boolean | undefined): ValidationStatus {
  if (asked === false) return undefined
  const def = lexicons().getDef(collection)
  if (def?.type !== 'record') {
    if (asked)
      throw error(
        'InvalidRequest',
        `Unknown lexicon type: ${collection}. Send the record without "validate": true to store it all the same`,
      )
    return 'unknown'
  }
  try {
    lexicons().assertValidRecord(collection, record)
    assertStrict(lexicons(), def.record, record, 'Record')
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
  const rkey = recordKey(request, nextKey)
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
