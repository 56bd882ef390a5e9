/** The leaves of the protocol's JSON as plain types, so that the client's declarations name no package. */

/** A link to a block, as JSON has it. */
export interface CID {
  $link: string
}

/** A byte string, as JSON has it: base64 without padding. */
export interface Bytes {
  $bytes: string
}

/** What a record holds in place of a blob, and what uploadBlob answers. */
export interface BlobRef {
  $type: 'blob'
  ref: CID
  mimeType: string
  size: number
}

/** A body that the lexicon gives an encoding but no schema: a CAR file, a blob. */
export interface Binary<Encoding extends string> {
  encoding: Encoding extends '*/*' ? string : Encoding
  body: ReadableStream<Uint8Array>
  /** Bytes, where known. */
  length?: number
}
