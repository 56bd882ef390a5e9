import type { FakeWorld, FakeWorldOptions } from './fakeWorld.ts'
import { json, refusal } from './network.ts'
import type { CallHook, FakeCall, FakePds } from './types.ts'

/** What is wrong with a server, as data. */
export interface Fault {
  readonly name: string
  readonly side: 'source' | 'target' | 'directory'
  /** For the world that it happens in. */
  readonly options?: FakeWorldOptions
  /** Makes it happen in a world. `pick` chooses a number below n. */
  apply?(world: FakeWorld, pick: (n: number) => number): void | Promise<void>
}

const GET_BLOB = 'com.atproto.sync.getBlob'
const GET_REPO = 'com.atproto.sync.getRepo'
const LATEST = 'com.atproto.sync.getLatestCommit'
const IMPORT = 'com.atproto.repo.importRepo'
const UPLOAD = 'com.atproto.repo.uploadBlob'
const MISSING = 'com.atproto.repo.listMissingBlobs'
const STATUS = 'com.atproto.server.checkAccountStatus'
const GET_PREFERENCES = 'app.bsky.actor.getPreferences'
const PUT_PREFERENCES = 'app.bsky.actor.putPreferences'

type Before = (call: FakeCall, n: number) => Response | undefined
type After = (call: FakeCall, answer: Response, n: number) => Response | Promise<Response>

/** Does something before calls of a method. `n` counts them from 1. */
const before = (pds: FakePds, method: string, act: Before): void => {
  let n = 0
  pds.hooks.push({ before: (call) => (call.method === method ? act(call, ++n) : undefined) })
}

const after = (pds: FakePds, method: string, act: After): void => {
  let n = 0
  const hook: CallHook['after'] = (call, answer) => (call.method === method ? act(call, answer, ++n) : answer)
  pds.hooks.push({ after: hook })
}

/** CID of one of the account's blobs. */
const aBlob = ({ account }: FakeWorld, pick: (n: number) => number): string => {
  const cids = [...account.blobs.keys()].sort()
  return cids[pick(cids.length)] ?? ''
}

/** The body breaks off in the middle. */
export const broken = async (answer: Response): Promise<Response> => {
  const bytes = new Uint8Array(await answer.arrayBuffer())
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(bytes.slice(0, bytes.length >> 1)),
    pull: (controller) => controller.error(new TypeError('terminated')),
  })
  return new Response(body, { status: answer.status, headers: answer.headers })
}

const withType = async (answer: Response, type: string): Promise<Response> => {
  const made = new Response(await answer.arrayBuffer(), { status: answer.status, headers: answer.headers })
  if (type === '') made.headers.delete('content-type')
  else made.headers.set('content-type', type)
  return made
}

const limited = (seconds: number): Response =>
  refusal(429, 'RateLimitExceeded', 'Rate Limit Exceeded', { 'retry-after': String(seconds) })

const types =
  (type: string): Fault['apply'] =>
  ({ source }) =>
    after(source, GET_BLOB, (_, answer) => (answer.ok ? withType(answer, type) : answer))

const blobAnswer =
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

/** Targets as they are. */
export const TARGET_FAULTS: readonly Fault[] = [
  {
    name: 'uploads are rate-limited, with retry-after',
    side: 'target',
    apply: ({ target }) => before(target, UPLOAD, (_, n) => (n % 2 === 0 ? limited(45) : undefined)),
  },
  {
    name: 'uploads of images are refused',
    side: 'target',
    apply: ({ target }) =>
      before(target, UPLOAD, ({ sent }) =>
        sent.headers.get('content-type')?.startsWith('image/')
          ? refusal(400, 'InvalidMimeType', 'this type is not accepted')
          : undefined,
      ),
  },
  {
    name: 'the first upload is not kept',
    side: 'target',
    apply: ({ target, did }) =>
      after(target, UPLOAD, (_, answer, n) => {
        if (n === 1) target.accounts.get(did)?.blobs.clear()
        return answer
      }),
  },
  {
    name: 'listMissingBlobs says that nothing is missing',
    side: 'target',
    apply: ({ target }) => before(target, MISSING, () => json({ blobs: [] })),
  },
  {
    name: 'listMissingBlobs does not exist',
    side: 'target',
    apply: ({ target }) => before(target, MISSING, () => refusal(501, 'MethodNotImplemented')),
  },
  {
    name: 'lists have pages of one entry',
    side: 'target',
    options: { source: { pageSize: 1 }, target: { pageSize: 1 } },
  },
  {
    name: 'checkAccountStatus counts nothing',
    side: 'target',
    apply: ({ target }) =>
      after(target, STATUS, async (_, answer) => {
        if (!answer.ok) return answer
        const counted = (await answer.json()) as object
        return json({ ...counted, indexedRecords: 0, importedBlobs: 0, expectedBlobs: 0, repoBlocks: 0 })
      }),
  },
  {
    name: 'importRepo fails twice, then answers',
    side: 'target',
    apply: ({ target }) =>
      before(target, IMPORT, (_, n) => (n <= 2 ? refusal(503, 'ServiceUnavailable') : undefined)),
  },
  {
    name: 'the answer of importRepo is lost',
    side: 'target',
    apply: ({ target }) =>
      after(target, IMPORT, (_, answer, n) => {
        if (n === 1) throw new TypeError('fetch failed: socket hang up')
        return answer
      }),
  },
  {
    name: 'access tokens of the target last for a minute',
    side: 'target',
    options: { target: { accessTokenMs: 60_000 } },
  },
  {
    name: 'an inactive account shows nothing to its owner',
    side: 'target',
    apply: ({ target, did }) => {
      for (const method of [GET_REPO, GET_BLOB, LATEST])
        before(target, method, () =>
          target.accounts.get(did)?.active
            ? undefined
            : refusal(400, 'RepoDeactivated', 'Repo has been deactivated'),
        )
    },
  },
  {
    name: 'putPreferences refuses',
    side: 'target',
    apply: ({ target }) => before(target, PUT_PREFERENCES, () => refusal(400, 'InvalidRequest', 'no')),
  },
  {
    name: 'putPreferences fails',
    side: 'target',
    apply: ({ target }) => before(target, PUT_PREFERENCES, () => refusal(502, 'UpstreamFailure', 'no')),
  },
]

/** Targets that cannot take the account: the move stops before the DID changes, and says why. */
export const REFUSING_FAULTS: readonly (Fault & { readonly code: string })[] = [
  {
    name: 'importRepo answers 200 and takes nothing',
    side: 'target',
    code: 'target-lies',
    apply: ({ target }) => before(target, IMPORT, () => new Response(null, { status: 200 })),
  },
  {
    name: 'importRepo answers 200 and loses records',
    side: 'target',
    code: 'target-lies',
    apply: ({ target, did }) =>
      after(target, IMPORT, async (_, answer) => {
        const account = target.accounts.get(did)
        const [path] = account?.repo.records.keys() ?? []
        if (account && path) await target.write(account, { [path]: undefined })
        return answer
      }),
  },
  {
    name: 'importRepo takes less than the repository has',
    side: 'target',
    code: 'import-too-large',
    options: { target: { maxImportBytes: 1000 } },
  },
  {
    name: 'importRepo does not exist',
    side: 'target',
    code: 'target-refused',
    apply: ({ target }) => before(target, IMPORT, () => refusal(501, 'MethodNotImplemented')),
  },
]
