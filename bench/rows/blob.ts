import { createHash, randomBytes } from 'node:crypto'
import { call, json } from '../http.ts'
import { alternate, timed } from '../measure.ts'
import { mapValues, rowOf, type Stand } from '../row.ts'
import { expect } from '../verify.ts'

const ROUNDS = 9
const BYTES = 1_000_000

const at = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null
    ? new Map<string, unknown>(Object.entries(value)).get(key)
    : undefined

/** Blobs of 1 MB: uploaded, referred to by a record so that they can be read, and read. */
export const blob = async ({ servers, add, progress }: Stand): Promise<void> => {
  const runs = await alternate(servers, ROUNDS, async (server, round) => {
    progress(`${server.kind}: blobs, ${round + 1} of ${ROUNDS}`)
    const { url, did, token } = server
    await server.forgetLimits()
    // The first bytes are those of a PNG, because the reference checks them.
    const bytes = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), randomBytes(BYTES - 8)])
    let uploaded: unknown
    const up = await timed(async () => {
      const answer = await call(url, 'com.atproto.repo.uploadBlob', { body: bytes, type: 'image/png', token })
      uploaded = json(answer)['blob']
    })
    const embed = { $type: 'app.bsky.embed.images', images: [{ alt: '', image: uploaded }] }
    const createdAt = new Date().toISOString()
    const record = { $type: 'app.bsky.feed.post', text: 'with a picture', embed, createdAt }
    const body = { repo: did, collection: 'app.bsky.feed.post', record }
    await call(url, 'com.atproto.repo.createRecord', { body, token })
    const params = { did, cid: String(at(at(uploaded, 'ref'), '$link')) }
    const got = await call(url, 'com.atproto.sync.getBlob', { params })
    const hash = (of: Uint8Array) => createHash('sha256').update(of).digest('hex')
    expect(server, 'a blob', hash(got.body), hash(bytes))
    return { up, down: got.total, first: got.first }
  })
  const of = (measure: string) => ({ name: 'blob', measure, unit: 'MB/s', better: 'higher' as const })
  add(
    rowOf(
      of('blob of 1 MB, up'),
      mapValues(runs, ({ up }) => BYTES / 1000 / up),
    ),
  )
  add(
    rowOf(
      of('blob of 1 MB, down'),
      mapValues(runs, ({ down }) => BYTES / 1000 / down),
    ),
  )
}
