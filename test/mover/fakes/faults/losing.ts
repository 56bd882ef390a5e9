import { refusal } from '../network.ts'
import { type Fault, GET_BLOB, UPLOAD, aBlob, after, before, limited } from './fault.ts'
import { blobAnswer } from './sources.ts'

/** Of these, a blob stays behind, which the owner has to be asked about. */
export const LOSING_FAULTS: readonly Fault[] = [
  {
    name: 'the source has lost a blob',
    side: 'source',
    apply: (world, pick) => void world.account.blobs.delete(aBlob(world, pick)),
  },
  {
    name: 'getBlob answers 404 with a name of its own',
    side: 'source',
    apply: blobAnswer(() => refusal(404, 'NoSuchThing', 'gone fishing')),
  },
  {
    name: 'getBlob answers 404 in HTML',
    side: 'source',
    apply: blobAnswer(
      () => new Response('<h1>404</h1>', { status: 404, headers: { 'content-type': 'text/html' } }),
    ),
  },
  {
    name: 'getBlob fails for ever',
    side: 'source',
    apply: blobAnswer(() => refusal(500, 'InternalServerError', 'Internal Server Error')),
  },
  {
    name: 'getBlob has other bytes for ever',
    side: 'source',
    apply: blobAnswer(() => new Response('other bytes')),
  },
  {
    name: 'getBlob redirects to itself',
    side: 'source',
    apply: (world, pick) => {
      const cid = aBlob(world, pick)
      before(world.source, GET_BLOB, ({ params, sent }) =>
        params.get('cid') === cid
          ? new Response(null, { status: 302, headers: { location: sent.url.href } })
          : undefined,
      )
    },
  },
  {
    name: 'the target takes no blob of this size',
    side: 'target',
    options: { blobs: 3, blobBytes: 4096, target: { maxBlobBytes: 1024 } },
  },
  {
    name: 'the target takes no more blobs today',
    side: 'target',
    apply: ({ target }) => before(target, UPLOAD, (_, n) => (n > 1 ? limited(86_400) : undefined)),
  },
  {
    name: 'the target keeps no blobs',
    side: 'target',
    apply: ({ target, did }) =>
      after(target, UPLOAD, (_, answer) => {
        target.accounts.get(did)?.blobs.clear()
        return answer
      }),
  },
]
