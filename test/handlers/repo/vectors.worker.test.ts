/** The published vectors of the syntax and of the data model, each sent as a record or a part of one. */
import { describe, expect, it } from 'vitest'
import text from '../../fixtures/atproto-syntax.json?raw'
import { upload } from '../support/blobs.ts'
import { inWorld, type World } from '../support/world.ts'

type Format =
  | 'datetime'
  | 'language'
  | 'uri'
  | 'at-uri'
  | 'cid'
  | 'did'
  | 'handle'
  | 'at-identifier'
  | 'nsid'
  | 'record-key'
  | 'tid'

const vectors: {
  syntax: Record<Format, { valid: string[]; invalid: string[] }>
  dataModel: Record<'valid' | 'invalid', { note: string; json: unknown }[]>
} = JSON.parse(text)

const CID = 'bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'
const DID = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const URI = `at://${DID}/app.bsky.feed.post/3jzfcijpj2z2a`
const createdAt = '2026-11-22T00:00:00.000Z'
const POST = 'app.bsky.feed.post'

interface Write {
  repo?: string
  collection: string
  rkey?: string
  record: unknown
}

/** A write that is valid exactly where the text has the format. */
const WRITES: Record<Format, (text: string) => Write> = {
  datetime: (text) => ({ collection: POST, record: { text: '', createdAt: text } }),
  language: (text) => ({ collection: POST, record: { text: '', createdAt, langs: [text] } }),
  uri: (uri) => ({
    collection: POST,
    record: {
      text: '',
      createdAt,
      embed: { $type: 'app.bsky.embed.external', external: { uri, title: '', description: '' } },
    },
  }),
  'at-uri': (uri) => ({
    collection: 'app.bsky.feed.like',
    record: { subject: { uri, cid: CID }, createdAt },
  }),
  cid: (cid) => ({ collection: 'app.bsky.feed.like', record: { subject: { uri: URI, cid }, createdAt } }),
  did: (subject) => ({ collection: 'app.bsky.graph.follow', record: { subject, createdAt } }),
  handle: (handle) => ({
    collection: 'app.bsky.graph.verification',
    record: { subject: DID, handle, displayName: '', createdAt },
  }),
  'at-identifier': (repo) => ({ repo, collection: POST, record: { text: '', createdAt } }),
  nsid: (collection) => ({ collection, record: {} }),
  'record-key': (rkey) => ({ collection: 'com.example.thing', rkey, record: {} }),
  tid: (rkey) => ({ collection: POST, rkey, record: { text: '', createdAt } }),
}

/**
 * Valid as text, and refused as the reference refuses them: CIDs in other bases, which not everybody compares and indexes,
 * and schemes that @atproto/syntax does not know as such.
 */
const REFUSED_ALL_THE_SAME = [
  ...vectors.syntax.cid.valid.filter((cid) => !cid.startsWith('b')),
  'content-type:text/plan',
  'microsoft.windows.camera:thing',
]

const send = async (
  world: World,
  token: string,
  write: Write,
): Promise<{ status: number; error?: string }> => {
  const response = await world.fetch('/xrpc/com.atproto.repo.createRecord', {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ repo: world.did, ...write }),
  })
  const { error } = await response.json<{ error?: string }>()
  return { status: response.status, ...(error === undefined ? {} : { error }) }
}

const signedIn = async (world: World): Promise<string> => {
  await world.restart({ WRITE_POINTS_PER_HOUR: '1000000' })
  return (await world.account.sessions.create({ via: 'createSession' })).accessJwt
}

const REFUSED = { status: 400, error: 'InvalidRequest' }

describe.each(Object.keys(WRITES) as Format[])('the format %s', (format) => {
  const { valid, invalid } = vectors.syntax[format]

  it('takes what is valid, and nothing else', () =>
    inWorld({}, async (world) => {
      const token = await signedIn(world)
      const wrong: string[] = []
      for (const text of valid) {
        const wanted = REFUSED_ALL_THE_SAME.includes(text) ? 400 : 200
        world.clock.now += 1000
        if ((await send(world, token, WRITES[format](text))).status !== wanted) wrong.push(`refused: ${text}`)
      }
      const before = await world.head()
      for (const text of invalid) {
        const answer = await send(world, token, WRITES[format](text))
        if (answer.status !== 400 || answer.error !== 'InvalidRequest') wrong.push(`taken: ${text}`)
      }
      expect(wrong).toEqual([])
      expect(await world.head()).toEqual(before)
    }))
})

describe('the data model', () => {
  const write = (json: unknown, validate?: boolean) => ({
    collection: 'com.example.thing',
    record: json,
    validate,
  })

  it.each(vectors.dataModel.valid)('takes $note', ({ json }) =>
    inWorld({}, async (world) => {
      expect(await send(world, await signedIn(world), write(json))).toEqual({ status: 200 })
    }),
  )

  it.each(vectors.dataModel.invalid)('does not take $note, whatever validate says', ({ json }) =>
    inWorld({}, async (world) => {
      const token = await signedIn(world)
      for (const validate of [undefined, false])
        expect(await send(world, token, write(json, validate))).toEqual(REFUSED)
    }),
  )

  it('keeps links, bytes and blobs as they are', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      const record = {
        link: { $link: CID },
        bytes: { $bytes: 'nFERjvLLiw9qm45JrqH9QTzyC2Lu1Xb4ne6+sBrCzI0' },
        blob: await upload(owner, 'a picture', 'image/png'),
        typed: { $type: 'com.example.inner', list: [null, true, -1, 9007199254740991, 'žluťoučký 🌥'] },
        plain: { cid: 'no CID', mimeType: 'image/png' },
      }
      const collection = 'com.example.thing'
      const { repo } = owner.com.atproto
      await repo.putRecord({ repo: world.did, collection, rkey: 'a', record, validate: false })
      const { value } = await repo.getRecord({ repo: world.did, collection, rkey: 'a' })
      expect(value).toEqual({ $type: collection, ...record })
    }))
})
