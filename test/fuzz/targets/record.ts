import { encode } from '@atproto/lex-cbor'
import { isCid, type LexValue } from '@atproto/lex-data'
import { type PreparedRecord, prepareRecord } from '../../../src/account/repo/commits/prepareRecord.ts'
import { parseSwapCid } from '../../../src/account/repo/commits/parseSwapCid.ts'
import { requireBlobs } from '../../../src/account/repo/commits/requireBlobs.ts'
import { type ResolvedWrite, resolveWrites } from '../../../src/account/repo/commits/resolveWrites.ts'
import { decodeBlock } from '../../../src/repo/cbor.ts'
import { BODY_TIMES, LIMITS } from '../../../src/limits.ts'
import { readBody } from '../../../src/xrpc/body.ts'
import { XrpcError } from '../../../src/xrpc/errors.ts'
import { mutateBytes } from '../bytes.ts'
import type { Target } from '../engine.ts'
import { type Json, jsonText, mutateJson } from '../json.ts'
import type { Random } from '../random.ts'
import { plain, same } from './same.ts'

const BLOB = 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'
const CID = 'bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'
const DID = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const createdAt = '2026-11-22T00:00:00.000Z'
const blob = { $type: 'blob', ref: { $link: BLOB }, mimeType: 'image/png', size: 10 }
const ref = { uri: `at://${DID}/app.bsky.feed.post/3jzfcijpj2z2a`, cid: CID }

const RECORDS: { [name: string]: Json }[] = [
  {
    $type: 'app.bsky.feed.post',
    text: 'hello',
    createdAt,
    langs: ['en'],
    tags: ['a'],
    reply: { root: ref, parent: ref },
  },
  {
    $type: 'app.bsky.feed.post',
    text: 'a link',
    createdAt,
    facets: [
      {
        index: { byteStart: 0, byteEnd: 1 },
        features: [{ $type: 'app.bsky.richtext.facet#link', uri: 'https://a.example' }],
      },
    ],
  },
  {
    $type: 'app.bsky.feed.post',
    text: '',
    createdAt,
    embed: {
      $type: 'app.bsky.embed.images',
      images: [{ image: blob, alt: 'x', aspectRatio: { width: 1, height: 2 } }],
    },
  },
  {
    $type: 'app.bsky.actor.profile',
    displayName: 'Alice',
    avatar: blob,
    labels: { $type: 'com.atproto.label.defs#selfLabels', values: [{ val: '!no' }] },
  },
  { $type: 'app.bsky.feed.like', subject: ref, createdAt },
  {
    $type: 'com.example.unknown',
    a: { $link: CID },
    b: { $bytes: 'AAECAw' },
    c: [1, -1, null, true, { d: [] }],
  },
]

// Only what the way from a body to a block needs.
const blobs = {
  stat: (cid: string) => (cid === BLOB ? { cid, size: 10, mimeType: 'image/png' } : undefined),
}
const stored = { blocks: { read: () => undefined }, records: { cid: () => undefined }, blobs }

const body = (random: Random): Json => {
  const record = structuredClone(random.pick(RECORDS))
  const given: Json = random.chance(0.8) ? mutateJson(record, random) : record
  const collection = String(record.$type)
  const more: Json = random.chance(0.2) ? { validate: random.chance(0.5) } : {}
  return {
    repo: DID,
    collection,
    ...(random.chance(0.3) ? { rkey: random.pick(['self', '3jzfcijpj2z2a']) } : {}),
    ...more,
    record: given,
  }
}

/** Checks that two records have the same names and values, whatever form their CIDs, bytes and blobs have. */
const compare = (given: Json, stored: LexValue, path: string): void => {
  const lost = (why: string): never => {
    throw new Error(`${path} ${why}`)
  }
  if (Array.isArray(given)) {
    if (!Array.isArray(stored) || stored.length !== given.length) return lost('is another list')
    return given.forEach((inner, i) => compare(inner, stored[i] ?? null, `${path}[${i}]`))
  }
  if (typeof given !== 'object' || given === null) {
    // The data model has no -0.
    return given === stored || (given === 0 && stored === 0)
      ? undefined
      : lost(`was ${JSON.stringify(given)}`)
  }
  if (isCid(stored)) return given.$link === stored.toString() ? undefined : lost('is another link')
  if (stored instanceof Uint8Array) return '$bytes' in given ? undefined : lost('became bytes')
  if (typeof stored !== 'object' || stored === null || Array.isArray(stored)) return lost('is not a map')
  const [before, after] = [Object.keys(given), Object.keys(stored)]
  for (const key of before) if (!Object.hasOwn(stored, key)) lost(`lost ${JSON.stringify(key)}`)
  for (const key of after) if (!before.includes(key)) lost(`gained ${JSON.stringify(key)}`)
  for (const [key, inner] of Object.entries(given)) compare(inner, stored[key] ?? null, `${path}.${key}`)
}

/** A record, from the request's body to the block that would be stored. */
export const record: Target<string, { prepared: PreparedRecord; op: ResolvedWrite | undefined }> = {
  name: 'record',
  typed: [XrpcError],
  generate: (random) => {
    const made = body(random)
    const text = jsonText(random.chance(0.2) ? mutateJson(made, random) : made)
    return random.chance(0.1) ? Buffer.from(mutateBytes(Buffer.from(text), random)).toString('latin1') : text
  },
  run: async (text) => {
    const request = new Request('https://pds.example/', {
      method: 'POST',
      body: text,
      headers: { 'content-type': 'application/json' },
    })
    const options = { limits: LIMITS, times: BODY_TIMES, timer: () => () => {}, anonymous: false }
    const input = (await readBody('com.atproto.repo.createRecord', request, options)) as Parameters<
      typeof prepareRecord
    >[0] & { swapCommit?: string }
    parseSwapCid('swapCommit', input.swapCommit)
    const prepared = prepareRecord({ ...input, action: 'create' }, () => '3jzfcijpj2z2a')
    const { ops } = resolveWrites(stored, [prepared.write])
    for (const { newRefs } of ops) requireBlobs(newRefs, blobs)
    return { prepared, op: ops[0] }
  },
  check: (text, { op }) => {
    const bytes = op?.bytes
    if (!bytes) throw new Error('a record without a block')
    const stored = decodeBlock(bytes)
    same(encode(stored), bytes)
    const { record, collection } = JSON.parse(text) as {
      record: { [name: string]: Json }
      collection: string
    }
    compare({ ...record, $type: record.$type ?? collection }, stored, 'record')
  },
  ...plain,
}
