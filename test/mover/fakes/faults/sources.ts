import { json, refusal } from '../network.ts'
import {
  type Fault,
  GET_BLOB,
  GET_PREFERENCES,
  GET_REPO,
  LATEST,
  aBlob,
  after,
  before,
  broken,
  limited,
} from './fault.ts'

const withType = async (answer: Response, type: string): Promise<Response> => {
  const made = new Response(await answer.arrayBuffer(), { status: answer.status, headers: answer.headers })
  if (type === '') made.headers.delete('content-type')
  else made.headers.set('content-type', type)
  return made
}

const types =
  (type: string): Fault['apply'] =>
  ({ source }) =>
    after(source, GET_BLOB, (_, answer) => (answer.ok ? withType(answer, type) : answer))

export const blobAnswer =
  (answer: (n: number) => Response): Fault['apply'] =>
  (world, pick) => {
    const cid = aBlob(world, pick)
    let n = 0
    before(world.source, GET_BLOB, ({ params }) => (params.get('cid') === cid ? answer(++n) : undefined))
  }

/** Sources as they are. None of these may cost the owner anything that the source still has. */
export const SOURCE_FAULTS: readonly Fault[] = [
  { name: 'blobs have the type */*', side: 'source', apply: types('*/*') },
  { name: 'blobs have the type image/*', side: 'source', apply: types('image/*') },
  { name: 'blobs have a malformed type', side: 'source', apply: types('png; ; =x') },
  { name: 'blobs have no type', side: 'source', apply: types('') },
  {
    name: 'listBlobs leaves a blob out',
    side: 'source',
    apply: (world, pick) => void world.account.references.delete(aBlob(world, pick)),
  },
  {
    name: 'getBlob fails twice, then answers',
    side: 'source',
    apply: (world, pick) => {
      const cid = aBlob(world, pick)
      let n = 0
      before(world.source, GET_BLOB, ({ params }) =>
        params.get('cid') === cid && ++n <= 2 ? refusal(500, 'InternalServerError') : undefined,
      )
    },
  },
  {
    name: 'getBlob redirects to a CDN',
    side: 'source',
    apply: ({ source, account, network }) => {
      network.add('https://cdn.example', ({ url, headers }) => {
        if (headers.has('authorization')) return new Response('a credential', { status: 403 })
        const blob = account.blobs.get(url.pathname.slice(1))
        return blob
          ? new Response(blob.bytes, { headers: { 'content-type': 'image/png' } })
          : new Response(null, { status: 404 })
      })
      before(
        source,
        GET_BLOB,
        ({ params }) =>
          new Response(null, {
            status: 302,
            headers: { location: `https://cdn.example/${params.get('cid')}` },
          }),
      )
    },
  },
  {
    name: 'a blob breaks off once',
    side: 'source',
    apply: ({ source }) => after(source, GET_BLOB, (_, answer, n) => (n === 1 ? broken(answer) : answer)),
  },
  {
    name: 'a blob has other bytes once',
    side: 'source',
    apply: ({ source }) =>
      after(source, GET_BLOB, (_, answer, n) => (n === 1 ? new Response('other bytes', answer) : answer)),
  },
  {
    name: 'every third getBlob is rate-limited, with retry-after',
    side: 'source',
    apply: ({ source }) => before(source, GET_BLOB, (_, n) => (n % 3 === 0 ? limited(20) : undefined)),
  },
  {
    name: 'getRepo is rate-limited once, with ratelimit-reset',
    side: 'source',
    apply: ({ source, network }) =>
      before(source, GET_REPO, (_, n) =>
        n === 1
          ? refusal(429, 'RateLimitExceeded', 'Rate Limit Exceeded', {
              'ratelimit-reset': String(Math.floor(network.now() / 1000) + 30),
            })
          : undefined,
      ),
  },
  { name: 'access tokens last for a minute', side: 'source', options: { source: { accessTokenMs: 60_000 } } },
  {
    name: 'getRepo breaks off twice',
    side: 'source',
    apply: ({ source }) => after(source, GET_REPO, (_, answer, n) => (n <= 2 ? broken(answer) : answer)),
  },
  {
    name: 'getLatestCommit does not exist',
    side: 'source',
    apply: ({ source }) => before(source, LATEST, () => refusal(501, 'MethodNotImplemented')),
  },
  {
    name: 'getRepo refuses `since`',
    side: 'source',
    apply: ({ source }) =>
      before(source, GET_REPO, ({ params }) =>
        params.has('since') ? refusal(400, 'InvalidRequest', 'since is not supported') : undefined,
      ),
  },
  {
    name: 'getRepo answers `since` with blocks that do not fit',
    side: 'source',
    apply: ({ source, account }) =>
      after(source, GET_REPO, async ({ params }, answer) =>
        params.has('since')
          ? new Response(await account.repo.car({ since: account.repo.rev }), answer)
          : answer,
      ),
  },
  {
    name: 'the CAR has unlinked blocks, header fields, padded lengths, and the commit last',
    side: 'source',
    apply: ({ source, account }) =>
      after(
        source,
        GET_REPO,
        async (_, answer) =>
          new Response(
            await account.repo.car({
              unlinked: [new Uint8Array([0xa0]), new Uint8Array([0x80])],
              header: { 'x-generator': 'another' },
              paddedVarints: true,
              reversed: true,
            }),
            answer,
          ),
      ),
  },
  {
    name: 'getPreferences fails',
    side: 'source',
    apply: ({ source }) => before(source, GET_PREFERENCES, () => refusal(500, 'InternalServerError')),
  },
  {
    name: 'getPreferences does not exist',
    side: 'source',
    apply: ({ source }) => before(source, GET_PREFERENCES, () => refusal(501, 'MethodNotImplemented')),
  },
  {
    name: 'getPreferences answers nonsense',
    side: 'source',
    apply: ({ source }) => before(source, GET_PREFERENCES, () => json({ preferences: 'none' })),
  },
]
