import { createHash } from 'node:crypto'

import type { AtpAgent } from '@atproto/api'

export interface Seeded {
  /** URI to CID, as the records were made. */
  readonly records: ReadonlyMap<string, string>
  readonly blobs: readonly { readonly cid: string; readonly sha256: string; readonly mimeType: string }[]
}

/** Posts, in batches of 200 as applyWrites allows, the first ones with one blob each; and preferences. */
export async function seed(
  agent: AtpAgent,
  counts: { records: number; blobs: number; blobBytes?: number },
): Promise<Seeded> {
  const repo = agent.assertDid
  const blobs = []
  const embeds: unknown[] = []
  for (let n = 0; n < counts.blobs; n++) {
    const { bytes, mimeType } = content(n, counts.blobBytes ?? 2_000)
    const { data } = await agent.com.atproto.repo.uploadBlob(bytes, { encoding: mimeType })
    blobs.push({ cid: data.blob.ref.toString(), sha256: sha256(bytes), mimeType: data.blob.mimeType })
    embeds.push({ $type: 'app.bsky.embed.images', images: [{ alt: `image ${n}`, image: data.blob }] })
  }
  const records = new Map<string, string>()
  for (let from = 0; from < counts.records; from += 200) {
    const size = Math.min(200, counts.records - from)
    const { data } = await agent.com.atproto.repo.applyWrites({
      repo,
      // Only the first are posts with what the lexicon allows in an image; text and JSON have no place there.
      validate: false,
      writes: Array.from({ length: size }, (_, index) => {
        const n = from + index
        return {
          $type: 'com.atproto.repo.applyWrites#create' as const,
          collection: 'app.bsky.feed.post',
          rkey: `post-${String(n).padStart(6, '0')}`,
          value: {
            $type: 'app.bsky.feed.post',
            text: `post number ${n}`,
            createdAt: new Date(1_700_000_000_000 + n * 1000).toISOString(),
            ...(n < embeds.length ? { embed: embeds[n] } : {}),
          },
        }
      }),
    })
    for (const result of data.results ?? []) {
      if ('uri' in result && 'cid' in result) records.set(String(result.uri), String(result.cid))
    }
  }
  await agent.app.bsky.actor.putPreferences({
    preferences: [{ $type: 'app.bsky.actor.defs#adultContentPref', enabled: true }],
  })
  return { records, blobs }
}

/** Of three types in turn. Text and JSON are those that a client decodes, and a server compresses above 1 KB. */
function content(n: number, size: number) {
  if (n % 3 === 1) return { mimeType: 'text/plain', bytes: utf8(`blob ${n}: žluťoučký kůň\r\n`.repeat(80)) }
  if (n % 3 === 2) return { mimeType: 'application/json', bytes: utf8(`{"n":  ${n}, "a" :1}`) }
  const png = new Uint8Array(size)
  png.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  for (let i = 8; i < size; i++) png[i] = (i * 31 + n * 17) & 255
  return { mimeType: 'image/png', bytes: png }
}

const utf8 = (text: string) => new TextEncoder().encode(text)

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
