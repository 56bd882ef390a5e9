/**
 * Reading a whole account from any PDS, for those who write its next one. Published as
 * `cirrus-pds/client/import`, apart from the client, which it is built on.
 */
import type { Client } from './connect.ts'
import { XrpcError } from './errors.ts'
import { pages } from './pages.ts'
import { resuming, retrying, startOf } from './retry.ts'
import type { Download, Output } from './types.ts'

export { digestOf, verifyBlob } from './cid.ts'

export interface ReadOptions {
  did: string
  /** Whether a blob is here already. That is all it takes to go on after a crash. */
  have?: (cid: string) => boolean | Promise<boolean>
  /** Told of a blob that the source lost. Without it, a lost blob ends the reading. */
  missing?: (cid: string) => void | Promise<void>
  /** Attempts after a lost connection, 429 or 5xx before giving up: 5. Each waits longer. */
  retries?: number
  signal?: AbortSignal
}

/** One blob. Read `body` or cancel it before the next is asked for, or in parallel with it. */
export interface SourceBlob {
  cid: string
  mimeType: string
  size?: number
  /** Goes on where it was when the connection breaks. Check the hash: {@link verifyBlob}, {@link digestOf}. */
  body: ReadableStream<Uint8Array>
}

/** What there is to read. Nothing is asked for before it is called for. */
export interface SourceAccount {
  /**
   * The repository as a CAR, or what is newer than `since`. From a Cirrus it goes on where it was when the
   * connection breaks, with the same commit whatever was written since; elsewhere it fails then.
   */
  repo(since?: string): Promise<Download<'application/vnd.ipld.car'>>
  /** Each blob that records refer to and that is not here already. */
  blobs(): AsyncGenerator<SourceBlob, void, undefined>
  preferences(): Promise<Output<'app.bsky.actor.getPreferences'>>
}

/** Reads an account that `source` hosts: repository, blobs, preferences. All of it can be done again. */
export function readAccount(source: Client, options: ReadOptions): SourceAccount {
  const { did, have, missing, signal } = options
  const { sync } = source.com.atproto
  const retry = retrying(options)

  const open = (cid: string, from: number) =>
    retry(() => sync.getBlob({ did, cid }, { signal, headers: from ? { range: `bytes=${from}-` } : {} }))

  return {
    async repo(since) {
      const first = await retry(() => sync.getRepo({ did, since }, { signal }))
      const root = /^"(bafyrei\w+)"$/.exec(first.headers.get('etag') ?? '')?.[1]
      if (!root) return first
      const rest = (offset: number) =>
        retry(() => source.com.cirrus.admin.resumeRepo({ did, root, offset, since }, { signal }))
      const open = async (start: number) => ({ body: (await rest(start)).body, start })
      return { ...first, body: resuming(first, open, options) }
    },
    preferences: () => retry(() => source.app.bsky.actor.getPreferences({}, { signal })),
    async *blobs() {
      const list = pages((page) => retry(() => sync.listBlobs({ did, ...page }, { signal })))
      for await (const { cids } of list)
        for (const cid of cids) {
          if (await have?.(cid)) continue
          let first: Download<'*/*'>
          try {
            first = await open(cid, 0)
          } catch (error) {
            if (!missing || !(error instanceof XrpcError) || error.error !== 'BlobNotFound') throw error
            await missing(cid)
            continue
          }
          const { encoding, length } = first
          const rest = async (from: number) => {
            const next = await open(cid, from)
            return { body: next.body, start: startOf(next) }
          }
          const body = resuming(first, rest, options)
          yield { cid, mimeType: encoding, ...(length !== undefined && { size: length }), body }
        }
    },
  }
}
