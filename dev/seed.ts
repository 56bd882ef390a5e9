/** Something to move: posts, images, follows, likes, a profile and preferences, the same for the same counts. */
import { createHash } from 'node:crypto'
import { png } from './png.ts'

export interface Session {
  readonly did: string
  readonly accessJwt: string
}

export interface Seeded {
  /** `collection/rkey` to CID. */
  readonly records: ReadonlyMap<string, string>
  readonly blobs: readonly { readonly cid: string; readonly sha256: string; readonly mimeType: string }[]
}

interface Write {
  $type: 'com.atproto.repo.applyWrites#create'
  collection: string
  rkey: string
  value: object
}

/** createSession with the account password. */
export const signIn = async (
  host: string,
  { did, password }: { did: string; password: string },
): Promise<Session> => {
  const session = await post(host, 'com.atproto.server.createSession', undefined, {
    identifier: did,
    password,
  })
  return { did, accessJwt: String(at(session, 'accessJwt')) }
}

/** Writes `records` records, `blobs` of which carry one image each, in batches of 200. */
export const seedCirrus = async (
  host: string,
  session: Session,
  counts: { readonly records: number; readonly blobs: number; readonly onProgress?: (done: number) => void },
): Promise<Seeded> => {
  const blobs: { cid: string; sha256: string; mimeType: string }[] = []
  const images: unknown[] = []
  for (let n = 0; n < counts.blobs; n++) {
    const bytes = png(n, 96, 72)
    const answer = await post(host, 'com.atproto.repo.uploadBlob', session, bytes, 'image/png')
    const image = at(answer, 'blob')
    images.push(image)
    blobs.push({
      cid: String(at(at(image, 'ref'), '$link')),
      sha256: createHash('sha256').update(bytes).digest('hex'),
      mimeType: String(at(image, 'mimeType')),
    })
  }
  const records = new Map<string, string>()
  for (let from = 0; from < counts.records; from += 200) {
    const size = Math.min(200, counts.records - from)
    const writes = Array.from({ length: size }, (_, n) => record(session.did, from + n, images))
    const answer = await post(host, 'com.atproto.repo.applyWrites', session, { repo: session.did, writes })
    const results = at(answer, 'results')
    for (const [n, { collection, rkey }] of writes.entries())
      records.set(`${collection}/${rkey}`, String(at(Array.isArray(results) ? results[n] : undefined, 'cid')))
    counts.onProgress?.(records.size)
  }
  await post(host, 'app.bsky.actor.putPreferences', session, {
    preferences: [
      { $type: 'app.bsky.actor.defs#adultContentPref', enabled: false },
      { $type: 'app.bsky.actor.defs#threadViewPref', sort: 'oldest' },
    ],
  })
  return { records, blobs }
}

/** The n-th record: a profile, then posts with the images, then posts, likes, reposts and follows by turns. */
const record = (did: string, n: number, images: readonly unknown[]): Write => {
  const createdAt = new Date(1_700_000_000_000 + n * 60_000).toISOString()
  const subject = { uri: `at://${did}/app.bsky.feed.post/${tid(1)}`, cid: NOWHERE }
  const of = (collection: string, value: object, rkey = tid(n)): Write => ({
    $type: 'com.atproto.repo.applyWrites#create',
    collection,
    rkey,
    value: { $type: collection, ...value },
  })
  if (n === 0) {
    const about = { displayName: 'Alice', description: 'Moves house now and then.', createdAt }
    return of('app.bsky.actor.profile', about, 'self')
  }
  const image = images[n - 1]
  if (image !== undefined) {
    const embed = { $type: 'app.bsky.embed.images', images: [{ alt: `picture ${n}`, image }] }
    return of('app.bsky.feed.post', { text: `picture ${n}`, embed, createdAt })
  }
  switch (n % 6) {
    case 0:
      return of('app.bsky.feed.like', { subject, createdAt })
    case 1:
      return of('app.bsky.graph.follow', { subject: `did:web:friend-${n}.example.com`, createdAt })
    case 2:
      return of('app.bsky.feed.repost', { subject, createdAt })
    default:
      return of('app.bsky.feed.post', { text: `post ${n}: žluťoučký kůň 🐎`, langs: ['en'], createdAt })
  }
}

/** A CID that no record here has: likes may point to any record. */
const NOWHERE = 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a'

/** A record key in the form of a timestamp (TID), which increases with n. */
const tid = (n: number): string => {
  const alphabet = '234567abcdefghijklmnopqrstuvwxyz'
  let value = (1_700_000_000_000_000n + BigInt(n) * 1_000_000n) << 10n
  let text = ''
  for (let digit = 0; digit < 13; digit++) {
    text = (alphabet[Number(value & 31n)] ?? '') + text
    value >>= 5n
  }
  return text
}

const post = async (
  host: string,
  method: string,
  session: Session | undefined,
  input: object,
  type = 'application/json',
): Promise<unknown> => {
  const answer = await fetch(`${host}/xrpc/${method}`, {
    method: 'POST',
    headers: {
      'content-type': type,
      ...(session ? { authorization: `Bearer ${session.accessJwt}` } : {}),
    },
    body: input instanceof Uint8Array ? new Uint8Array(input) : JSON.stringify(input),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} on ${host}: ${answer.status} ${text}`)
  return text === '' ? {} : JSON.parse(text)
}

const at = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null
    ? new Map<string, unknown>(Object.entries(value)).get(key)
    : undefined
