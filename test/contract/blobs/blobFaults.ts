/** What can be wrong with what a server says of blobs, and with them, each with the rule that finds it. */
import {
  errorOf,
  failsWith,
  json,
  jsonAs,
  on,
  type Planted,
  refused,
  spoil,
  withHeader,
} from '../repository/spoil.ts'
import type { Fault } from '../repository/world.ts'

const GET_BLOB = 'com.atproto.sync.getBlob'
const LIST_BLOBS = 'com.atproto.sync.listBlobs'
const UNREFERENCED = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyka'

/** The bytes of `WEBVTT`. */
const LOST = 'bafkreiagkj2rbya5jjw33up32z6mp7e33mbco5lzgc3feftfhx2lc74rl4'

/** Not a page of a few, as which the rules about paging read. */
const isLong = (params: URLSearchParams): boolean => Number(params.get('limit') ?? 500) > 10

/** Spoils blobs that are given out, and what HEAD says of them. */
const blobAs = (
  spoiled: (answer: Response, call: Parameters<Fault>[0]) => Promise<Response> | Response,
): Fault =>
  on(GET_BLOB, async (call, answer) => {
    const given = await answer()
    return call.verb !== 'OPTIONS' && given.status === 200 ? spoiled(given, call) : given
  })

const header = (name: string, value: string | null): Fault =>
  blobAs((answer) => withHeader(answer, name, value))

export const blobFaults: readonly Planted[] = [
  {
    name: 'listBlobs leaves one out',
    rule: 'blobs.listed',
    elsewhere: ['paging.walk'],
    because: 'a page that lacks its only item ends the walk',
    fault: jsonAs(LIST_BLOBS, ({ cids, ...more }: { cids: string[] }) => ({
      ...more,
      cids: cids.filter((cid) => cid !== LOST),
    })),
  },
  {
    name: 'listBlobs fails',
    rule: 'blobs.listed',
    also: ['blobs.referenced', 'blobs.listed-once', 'blobs.since'],
    elsewhere: ['reads.valid', 'writes.blob-referenced'],
    because: 'a read that fails fails for everybody',
    fault: failsWith(LIST_BLOBS, () => refused()),
  },
  {
    name: 'listBlobs lists what is not referenced',
    rule: 'blobs.referenced',
    fault: jsonAs(LIST_BLOBS, ({ cids, ...more }: { cids: string[] }, params) => ({
      ...more,
      cids: isLong(params) && !params.has('since') ? [...cids, UNREFERENCED] : cids,
    })),
    also: ['blobs.since'],
    because: 'since the beginning, all of the list comes',
  },
  {
    name: 'listBlobs lists a blob twice',
    rule: 'blobs.listed-once',
    fault: jsonAs(LIST_BLOBS, ({ cids, ...more }: { cids: string[] }, params) => ({
      ...more,
      cids: isLong(params) ? [...cids, ...cids] : cids,
    })),
  },
  {
    name: 'listBlobs begins again',
    rule: 'blobs.listed-once',
    also: ['blobs.since'],
    elsewhere: ['paging.end', 'paging.walk'],
    because: 'every list has these rules',
    fault: jsonAs(LIST_BLOBS, (given: object) => ({ ...given, cursor: 'always' })),
  },
  {
    name: 'listBlobs ignores since',
    rule: 'blobs.since',
    fault: spoil(LIST_BLOBS, (answer, params, call) => {
      const { since, ...rest } = Object.fromEntries(params)
      return since === undefined ? answer : call.again(rest)
    }),
  },
  {
    name: 'listBlobs since the beginning has nothing',
    rule: 'blobs.since',
    fault: jsonAs(LIST_BLOBS, (given: object, params) =>
      params.get('since')?.startsWith('22222') ? { cids: [] } : given,
    ),
  },
  {
    name: 'a blob is lost',
    rule: 'blobs.served',
    elsewhere: ['reads.valid', 'writes.blob-referenced', 'lifecycle.comes-back'],
    because: 'a read that fails fails for everybody',
    fault: failsWith(GET_BLOB, () => refused('BlobNotFound')),
  },
  {
    name: 'a blob has other bytes',
    elsewhere: ['writes.blob-referenced'],
    because: 'other bytes have another length and hash, there as well',
    rule: 'blobs.bytes',
    fault: blobAs(async (answer) => {
      const bytes = new Uint8Array(await answer.arrayBuffer())
      if (bytes.length > 0) bytes[0] = (bytes[0] ?? 0) ^ 1
      return new Response(bytes, answer)
    }),
  },
  {
    name: 'a blob is cut',
    elsewhere: ['writes.blob-referenced'],
    because: 'other bytes have another length and hash, there as well',
    rule: 'blobs.bytes',
    also: ['blobs.size', 'blobs.length'],
    fault: blobAs(async (answer, { verb }) =>
      verb === 'HEAD' ? answer : new Response((await answer.arrayBuffer()).slice(0, -1), answer),
    ),
  },
  {
    name: 'a blob is longer than records say',
    elsewhere: ['writes.blob-referenced'],
    because: 'other bytes have another length and hash, there as well',
    rule: 'blobs.size',
    also: ['blobs.bytes', 'blobs.length'],
    fault: blobAs(async (answer, { verb }) =>
      verb === 'HEAD'
        ? answer
        : new Response(new Uint8Array([...new Uint8Array(await answer.arrayBuffer()), 0]), answer),
    ),
  },
  {
    name: 'blobs have another type',
    rule: 'blobs.type',
    fault: header('content-type', 'application/octet-stream'),
  },
  { name: 'blobs have no length', rule: 'blobs.length', fault: header('content-length', null) },
  {
    name: 'HEAD of a blob is refused',
    rule: 'blobs.head',
    elsewhere: ['verbs.head'],
    because: 'every query has this rule',
    fault: blobAs((answer, { verb }) => (verb === 'HEAD' ? new Response(null, refused()) : answer)),
  },
  {
    name: 'HEAD says another length',
    rule: 'blobs.head',
    fault: blobAs((answer, { verb }) =>
      verb === 'HEAD' ? withHeader(answer, 'content-length', '0') : answer,
    ),
  },
  {
    name: 'a range has other bytes',
    rule: 'blobs.ranges',
    fault: blobAs((answer, { headers }) =>
      headers.has('range')
        ? new Response(new Uint8Array([7]), {
            ...answer,
            status: 206,
            headers: range(answer, 'bytes 1-1/2500'),
          })
        : answer,
    ),
  },
  {
    name: 'a range is the whole blob, and says 206',
    rule: 'blobs.ranges',
    fault: blobAs(async (answer, { headers }) =>
      headers.has('range')
        ? new Response(await answer.arrayBuffer(), { status: 206, headers: range(answer, 'bytes 1-2/2500') })
        : answer,
    ),
  },
  {
    name: 'a range is a part of the blob, and says 200',
    rule: 'blobs.ranges',
    fault: blobAs(async (answer, { headers }) =>
      headers.has('range') ? new Response((await answer.arrayBuffer()).slice(1, 3), answer) : answer,
    ),
  },
  { name: 'nosniff is missing', rule: 'blobs.nosniff', fault: header('x-content-type-options', null) },
  {
    name: 'blobs may run',
    rule: 'blobs.no-script',
    fault: header('content-security-policy', "default-src 'self'"),
  },
  {
    name: 'a blob that does not exist is empty',
    rule: 'blobs.missing',
    elsewhere: ['errors.absent-refused', 'errors.declared-name'],
    because: 'the lexicon declares an error for it',
    fault: on(GET_BLOB, async (call, answer) => {
      const given = await answer()
      if (call.verb !== 'GET' || call.params.get('did') !== call.deployed.did) return given
      const isMissing = (await errorOf(given)) === 'BlobNotFound'
      return isMissing
        ? new Response(new Uint8Array(), withHeader(json({}), 'content-type', 'text/plain'))
        : given
    }),
  },
  {
    name: 'getBlob does not look at the account',
    rule: 'blobs.other-account',
    elsewhere: ['errors.absent-refused', 'errors.declared-name'],
    because: 'the lexicon declares an error for it',
    fault: on(GET_BLOB, (call, answer) => {
      const { did, ...rest } = Object.fromEntries(call.params)
      const isOther = did?.startsWith('did:') && did !== call.deployed.did
      return isOther && call.verb === 'GET' ? call.again({ did: call.deployed.did, ...rest }) : answer()
    }),
  },
]

const range = ({ headers }: Response, value: string): Headers => {
  const other = new Headers(headers)
  other.delete('content-length')
  other.set('content-range', value)
  return other
}
