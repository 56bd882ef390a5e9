import { once } from 'node:events'
import { brotliDecompressSync, createGunzip, createInflate } from 'node:zlib'
import { type Chunks, chunksOf } from './chunks.ts'

/** The content codings that are decoded as they are read, by their names in `Content-Encoding` (RFC 9110). */
const STREAMED = { gzip: createGunzip, 'x-gzip': createGunzip, deflate: createInflate } as const

export type Coding = keyof typeof STREAMED | 'br'

export const isCoding = (name: string): name is Coding => name === 'br' || Object.hasOwn(STREAMED, name)

export interface DecompressOptions {
  /** The most bytes that are read of a body in brotli, and the most that are made of them. */
  brotliLimit: number
  /** What it fails with beyond that limit. */
  tooLarge(): Error
  /** What it fails with where the bytes are not of that coding. */
  broken(): Error
}

/**
 * The bytes that a compressed body stands for. A few bytes may stand for gigabytes, so they are made only as fast as they
 * are read; those of brotli at once, within their limit, because workerd's decoder of streams does not wait for its
 * reader. A body that fails fails with its own error.
 */
export const decompress = (
  body: ReadableStream<Uint8Array>,
  coding: Coding,
  options: DecompressOptions,
): ReadableStream<Uint8Array> =>
  coding === 'br'
    ? atOnce(chunksOf(body), options)
    : asRead(chunksOf(body), STREAMED[coding](), options.broken)

type Decoder = ReturnType<typeof createGunzip | typeof createInflate>

const feed = async (source: Chunks, decoder: Decoder): Promise<void> => {
  for (let chunk = await source.next(); chunk; chunk = await source.next())
    // The next read overwrites the chunk, and the decoder may not be done with it.
    if (!decoder.write(chunk.slice())) await once(decoder, 'drain')
  decoder.end()
}

const asRead = (source: Chunks, decoder: Decoder, broken: () => Error): ReadableStream<Uint8Array> => {
  let failure: unknown
  feed(source, decoder).catch((cause: unknown) => {
    failure ??= cause
    decoder.destroy()
  })
  decoder.on('error', () => (failure ??= broken()))
  const decoded: AsyncIterator<Uint8Array> = decoder[Symbol.asyncIterator]()
  const stop = async (reason: unknown): Promise<void> => {
    decoder.destroy()
    await source.cancel(reason)
  }
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const next = await decoded.next().catch((cause: unknown) => {
          failure ??= cause
          return undefined
        })
        if (failure !== undefined) {
          await stop(failure)
          throw failure
        }
        if (next?.done === false) controller.enqueue(new Uint8Array(next.value))
        else controller.close()
      },
      cancel: stop,
    },
    { highWaterMark: 0 },
  )
}

const collect = async (source: Chunks, { brotliLimit, tooLarge }: DecompressOptions): Promise<Uint8Array> => {
  const chunks: Uint8Array[] = []
  let size = 0
  for (let chunk = await source.next(); chunk; chunk = await source.next()) {
    size += chunk.length
    if (size > brotliLimit) throw tooLarge()
    chunks.push(chunk.slice())
  }
  return Buffer.concat(chunks)
}

const atOnce = (source: Chunks, options: DecompressOptions): ReadableStream<Uint8Array> =>
  new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        try {
          const bytes = await collect(source, options)
          const decoded = inBrotli(bytes, options)
          if (decoded.length > 0) controller.enqueue(decoded)
          controller.close()
        } catch (cause) {
          await source.cancel(cause)
          throw cause
        }
      },
      cancel: (reason) => source.cancel(reason),
    },
    { highWaterMark: 0 },
  )

const inBrotli = (bytes: Uint8Array, { brotliLimit, tooLarge, broken }: DecompressOptions): Uint8Array => {
  try {
    return new Uint8Array(brotliDecompressSync(bytes, { maxOutputLength: brotliLimit }))
  } catch (cause) {
    throw cause instanceof RangeError ? tooLarge() : broken()
  }
}
