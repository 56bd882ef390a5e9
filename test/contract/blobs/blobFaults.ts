/** What can be wrong with what a server says of blobs, and with them, each with the rule that finds it. */
import { jsonAs, type Planted, refused, spoil, withHeader } from '../repository/spoil.ts'
import type { Fault } from '../repository/world.ts'

const GET_BLOB = 'com.atproto.sync.getBlob'
const LIST_BLOBS = 'com.atproto.sync.listBlobs'
const UNREFERENCED = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyka'

/** Spoils blobs that are given out. */
const blobAs =
  (spoiled: (answer: Response, call: Parameters<Fault>[0]) => Promise<Response> | Response): Fault =>
  async (call, answer) => {
    const given = await answer()
    return call.id === GET_BLOB && given.status === 200 ? spoiled(given, call) : given
  }

const header = (name: string, value: string | null): Fault =>
  blobAs((answer) => withHeader(answer, name, value))

export const blobFaults: readonly Planted[] = [
  {
    name: 'listBlobs leaves one out',
    rule: 'blobs.listed',
    fault: jsonAs(LIST_BLOBS, ({ cids }: { cids: string[] }) => ({ cids: cids.slice(1) })),
  },
  {
    name: 'listBlobs fails',
    rule: 'blobs.listed',
    also: ['blobs.referenced', 'blobs.listed-once', 'blobs.since'],
    fault: spoil(LIST_BLOBS, () => refused()),
  },
  {
    name: 'listBlobs lists what is not referenced',
    rule: 'blobs.referenced',
    fault: (call, answer) =>
      call.params.has('since')
        ? answer()
        : jsonAs(LIST_BLOBS, ({ cids }: { cids: string[] }) => ({ cids: [...cids, UNREFERENCED] }))(
            call,
            answer,
          ),
    also: ['blobs.since'],
  },
  {
    name: 'listBlobs lists a blob twice',
    rule: 'blobs.listed-once',
    fault: jsonAs(LIST_BLOBS, ({ cids }: { cids: string[] }) => ({ cids: [...cids, ...cids] })),
  },
  {
    name: 'listBlobs begins again',
    rule: 'blobs.listed-once',
    also: ['blobs.since'],
    fault: jsonAs(LIST_BLOBS, (given: object) => ({ ...given, cursor: 'always' })),
  },
  {
    name: 'listBlobs ignores since',
    rule: 'blobs.since',
    fault: (call, answer) =>
      call.id === LIST_BLOBS && call.params.has('since') ? call.again({ did: call.deployed.did }) : answer(),
  },
  {
    name: 'listBlobs since the beginning has nothing',
    rule: 'blobs.since',
    fault: (call, answer) =>
      call.params.get('since')?.startsWith('22222')
        ? jsonAs(LIST_BLOBS, () => ({ cids: [] }))(call, answer)
        : answer(),
  },
  { name: 'a blob is lost', rule: 'blobs.served', fault: blobAs(() => refused('BlobNotFound')) },
  {
    name: 'a blob has other bytes',
    rule: 'blobs.bytes',
    fault: blobAs(async (answer) => {
      const bytes = new Uint8Array(await answer.arrayBuffer())
      if (bytes.length > 0) bytes[0] = (bytes[0] ?? 0) ^ 1
      return new Response(bytes, answer)
    }),
  },
  {
    name: 'a blob is cut',
    rule: 'blobs.bytes',
    also: ['blobs.size', 'blobs.length'],
    fault: blobAs(async (answer, { verb }) =>
      verb === 'HEAD' ? answer : new Response((await answer.arrayBuffer()).slice(0, -1), answer),
    ),
  },
  {
    name: 'a blob is longer than records say',
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
    name: 'HEAD is not served',
    rule: 'blobs.head',
    fault: (call, answer) => (call.id === GET_BLOB && call.verb === 'HEAD' ? refused() : answer()),
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
    fault: async (call, answer) => {
      const given = await answer()
      const isAsked = call.id === GET_BLOB && !call.headers.has('range')
      return isAsked && call.params.get('did') === call.deployed.did && given.status === 400
        ? new Response(new Uint8Array(), { headers: { 'access-control-allow-origin': '*' } })
        : given
    },
  },
  {
    name: 'getBlob does not look at the account',
    rule: 'blobs.other-account',
    fault: (call, answer) =>
      call.id === GET_BLOB && call.params.get('did') !== call.deployed.did
        ? call.again({ did: call.deployed.did, cid: call.params.get('cid') ?? '' })
        : answer(),
  },
]

const range = ({ headers }: Response, value: string): Headers => {
  const other = new Headers(headers)
  other.delete('content-length')
  other.set('content-range', value)
  return other
}
