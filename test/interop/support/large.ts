// A large account: records as the benchmarks make them, with pictures in some of the posts.
import { createCipheriv, createHash } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'

import { cidForRawHash, type Cid } from '@atproto/lex-data'

import { plant, recordOf, type NewRecord, type Tree } from '../../../bench/data.ts'
import { call, procedure } from './token.ts'

export interface Picture {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly cid: Cid
}

/** Noise behind the first bytes of a JPEG; of 1 KB to 1 MB, most of them small. The same for the same numbers. */
export const pictureOf = (n: number, count: number): Picture => {
  const iv = Buffer.alloc(16)
  iv.writeUInt32BE(n)
  const size = Math.round(1000 * 1000 ** (((n + 1) / count) ** 4))
  const bytes = new Uint8Array(createCipheriv('aes-128-ctr', Buffer.alloc(16), iv).update(Buffer.alloc(size)))
  bytes.set([0xff, 0xd8, 0xff, 0xe0])
  return { bytes, cid: rawCid(bytes) }
}

/** The CID of a blob. */
export const rawCid = (bytes: Uint8Array): Cid => cidForRawHash(createHash('sha256').update(bytes).digest())

const embed = (image: object) => ({ $type: 'app.bsky.embed.images', images: [{ alt: 'a picture', image }] })

/** So many records, with these pictures in posts that lie far apart. */
export const largeTree = (records: number, pictures: readonly Picture[]): Tree => {
  const left = pictures[Symbol.iterator]()
  const every = Math.floor(records / 2 / pictures.length)
  let posts = 0
  return plant(
    Array.from({ length: records }, (_, n): NewRecord => {
      const record = recordOf(n)
      if (record.collection !== 'app.bsky.feed.post' || posts++ % every !== 0) return record
      const picture = left.next().value
      if (!picture) return record
      const { cid, bytes } = picture
      const image = { $type: 'blob', ref: cid, mimeType: 'image/jpeg', size: bytes.length }
      return { ...record, value: { ...record.value, embed: embed(image) } }
    }),
  )
}

export const upload = async (host: string, authorization: string, picture: Picture): Promise<object> => {
  const sent = { body: picture.bytes, type: 'image/jpeg' }
  const answer: { blob: object } = await (
    await call(host, 'com.atproto.repo.uploadBlob', authorization, sent)
  ).json()
  return answer.blob
}

/** An owner who goes on using the account until `stop()`, and has posted all the pictures by then. */
export interface BusyOwner {
  /** The CIDs of the commits so far. */
  readonly commits: string[]
  readonly counts: { created: number; deleted: number }
  stop(): Promise<void>
}

/** Ten times a second: two posts, one with a picture, a third, and a like that is taken back. */
export const busyOwner = (
  { url, did, authorization }: { url: string; did: string; authorization: string },
  { paths }: Tree,
  pictures: readonly Picture[],
): BusyOwner => {
  const likes = paths.filter((path) => path.startsWith('app.bsky.feed.like/')).values()
  const left = [...pictures]
  const commits: string[] = []
  const counts = { created: 0, deleted: 0 }
  const stopping = new AbortController()
  const act = async (method: string, input: object) => {
    const { commit } = Object(await procedure(url, method, authorization, { repo: did, ...input }))
    commits.push(commit.cid)
  }
  const post = async (picture?: Picture) => {
    const collection = 'app.bsky.feed.post'
    const image = picture && (await upload(url, authorization, picture))
    const createdAt = new Date().toISOString()
    const record = {
      $type: collection,
      text: 'on the move',
      createdAt,
      ...(image && { embed: embed(image) }),
    }
    await act('com.atproto.repo.createRecord', { collection, record })
    counts.created++
  }
  const unlike = async () => {
    const [collection, rkey] = (likes.next().value ?? '').split('/')
    await act('com.atproto.repo.deleteRecord', { collection, rkey })
    counts.deleted++
  }
  const working = (async () => {
    for (let n = 0; !stopping.signal.aborted || left.length > 0; n++) {
      await (n % 4 === 3 ? unlike() : post(n % 4 === 1 ? left.shift() : undefined))
      await setTimeout(100)
    }
  })()
  // A rejection is that of `stop()`.
  working.catch(() => {})
  return {
    commits,
    counts,
    stop: async () => {
      stopping.abort()
      await working
    },
  }
}
