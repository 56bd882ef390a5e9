import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare'

/** The objects in the bucket of a Cirrus that is stopped, by key. `state` is the folder that it kept its state in. */
export const readBucket = async (state: string): Promise<Map<string, Uint8Array>> => {
  const server = new Miniflare(
    convertV4MiniflareOptions({
      name: 'reader',
      log: new Log(LogLevel.NONE),
      telemetry: { enabled: false },
      cf: false,
      resourcePersistencePath: state,
      modules: [
        { type: 'ESModule', path: 'worker.js', contents: 'export default { fetch: () => new Response() }' },
      ],
      compatibilityDate: '2026-10-01',
      r2Buckets: { BLOBS: 'blobs' },
    }),
  )
  try {
    const bucket = await server.getR2Bucket('BLOBS')
    const objects = new Map<string, Uint8Array>()
    for (let cursor: string | undefined; ;) {
      const page = await bucket.list(cursor ? { cursor } : {})
      for (const { key } of page.objects)
        objects.set(key, new Uint8Array((await (await bucket.get(key))?.arrayBuffer()) ?? new ArrayBuffer(0)))
      if (!page.truncated) return objects
      cursor = page.cursor
    }
  } finally {
    await server.dispose()
  }
}
