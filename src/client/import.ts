import type { Client } from './connect.ts'
import { XrpcError } from './errors.ts'
import { pages } from './pages.ts'
import { resuming, retrying, startOf } from './retry.ts'
import type { Download, Output } from './types.ts'

export { digestOf, verifyBlob } from './cid.ts'

export interface ReadOptions {
  did: string
  /** Whether you already have a blob. With this, reading can go on after a crash. */
  have?: (cid: string) => boolean | Promise<boolean>
  /** Called with each blob that the source lost. Without it, a lost blob ends the reading with an error. */
  missing?: (cid: string) => void | Promise<void>
  /** Further attempts after a lost connection, 429 or 5xx: 5. Each waits longer. */
  retries?: number
  signal?: AbortSignal
  /** Waits between attempts in place of a timer, where there is a signal. Rejects when it is aborted. */
  wait?: (ms: number, signal: AbortSignal) => Promise<void>
}

/** One blob. Read `body` or cancel it, before you ask for the next blob or in parallel with it. */
export interface SourceBlob {
  cid: string
  mimeType: string
  size?: number
  /** Continues where it was when the connection breaks. Check the hash: {@link verifyBlob}, {@link digestOf}. */
  body: ReadableStream<Uint8Array>
}

/** What an account consists of. Each is requested when its method is called. */
export interface SourceAccount {
  /**
   * The repository as a CAR, or what is newer than `since`. When the connection breaks, a CAR from a Cirrus continues
   * where it was, with the same commit, whatever was written since; one from another PDS fails.
   */
  repo(since?: string): Promise<Download<'application/vnd.ipld.car'>>
  /** Each blob that records refer to and that you do not have. */
  blobs(): AsyncGenerator<SourceBlob, void, undefined>
  preferences(): Promise<Output<'app.bsky.actor.getPreferences'>>
}

/**
 * Reads a whole account that `source` hosts, from any PDS: repository, blobs, preferences. All of it can be repeated.
 * For authors of the PDS that the account moves to.
 */
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
