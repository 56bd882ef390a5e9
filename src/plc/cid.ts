import { sha256 } from '@atproto/crypto'
import { encode } from '@atproto/lex-cbor'
import { cidForCbor, isLexMap } from '@atproto/lex-data'
import { base32 } from '../base32.ts'
import { PlcError } from './errors.ts'

/** The DAG-CBOR of an operation exactly as received, with its unknown fields: that is what was hashed and signed. */
export const operationBytes = (operation: unknown): Uint8Array => {
  try {
    if (isLexMap(operation)) return encode(operation)
  } catch {
    // Nested too deep, or with numbers that DAG-CBOR cannot express.
  }
  throw new PlcError('InvalidOperation', 'the operation has no DAG-CBOR form')
}

/** The CID of a signed operation, which the next one's `prev` names. */
export const operationCid = async (signed: unknown): Promise<string> =>
  (await cidForCbor(operationBytes(signed))).toString()

/** `did:plc:` and the first 24 characters of base32(sha256(signed genesis)). */
export const didForGenesis = async (signed: unknown): Promise<string> => {
  const hash = await sha256(operationBytes(signed))
  // 24 characters are 120 bits: 15 whole bytes.
  return base32(hash.subarray(0, 15), 'did:plc:')
}
