// The leaves of the protocol's JSON as plain types, so that the client's declarations name no package.

/** A link to a block, in JSON. */
export interface CID {
  $link: string
}

/** A byte string, in JSON: base64 without padding. */
export interface Bytes {
  $bytes: string
}

/** What a record has in place of a blob, and what uploadBlob answers. */
export interface BlobRef {
  $type: 'blob'
  ref: CID
  mimeType: string
  size: number
}

/** A body that has an encoding but no schema in its lexicon: a CAR file, a blob. */
export interface Binary<Encoding extends string> {
  encoding: Encoding extends '*/*' ? string : Encoding
  body: ReadableStream<Uint8Array>
  /** In bytes, if known. */
  length?: number
}
