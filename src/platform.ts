/**
 * What the outside world gives to the account: time, chance, the network and the blob bucket.
 * Everything else in the server takes them from here, so that tests can run time, fail the
 * network and inject faults at any call.
 */
export interface Platform {
  /** Milliseconds since the epoch. */
  now(): number
  /** Bytes from a cryptographically secure source. */
  random(length: number): Uint8Array
  /** The network. Only `outbound.ts` calls it. */
  fetch: typeof fetch
  /** Where blobs are kept. */
  bucket: R2Bucket
}
