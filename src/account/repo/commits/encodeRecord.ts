import { encode } from '@atproto/lex-cbor'
import type { LexMap } from '@atproto/lex-data'
import { CborError, checkCbor } from '../../../repo/cbor.ts'
import { error } from '../../../xrpc/errors.ts'

const MAX_RECORD_BYTES = 1_000_000

/**
 * The record's block. Every reader must accept it, above all this server itself: a record with a floating point number,
 * or with a link of another form, could be stored, but its repository never imported again. So both are refused.
 */
export const encodeRecord = (record: LexMap, path: string): Uint8Array => {
  let bytes
  try {
    bytes = encode(record)
  } catch (cause) {
    throw error('InvalidRequest', `the record ${path}: ${cause instanceof Error ? cause.message : 'no data'}`)
  }
  if (bytes.length > MAX_RECORD_BYTES)
    throw error(
      'InvalidRequest',
      `the record ${path} has ${bytes.length} bytes, at most ${MAX_RECORD_BYTES} are taken`,
    )
  try {
    checkCbor(bytes)
  } catch (cause) {
    if (cause instanceof CborError) throw error('InvalidRequest', `the record ${path}: ${cause.message}`)
    throw cause
  }
  return bytes
}
