import { type FakeWorld, type FakeWorldOptions, postPath } from './fakeWorld.ts'
import { signOperation } from './directory.ts'
import { fakeKey } from './keys.ts'
import { json, refusal, type Sent } from './network.ts'
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

/** Does something to posts, or to all requests, of the directory. `n` counts them from 1. */
const directory = (
  act: (sent: Sent, n: number, world: FakeWorld) => Response | undefined | Promise<Response | undefined>,
  only?: 'POST' | 'GET',
): Fault['apply'] => {
  return (world) => {
    let n = 0
    world.directory.hooks.push((sent) =>
      only === undefined || sent.method === only ? act(sent, ++n, world) : undefined,
    )
  }
}

const outOfOrder = (status: number, headers: Record<string, string> = {}): Response =>
  json({ message: 'directory out of order' }, status, headers)

/** An operation with the data that the DID has, signed by the owner's key, or else by the source's. */
const otherOperation = async ({ directory, did, ownerKeys, source }: FakeWorld): Promise<void> => {
  const data = directory.data(did)
  if (!data) return
  const { cid, ...rest } = data
  const [key = source.rotationKey] = ownerKeys
  await directory.submit(did, await signOperation(key, { type: 'plc_operation', ...rest, prev: cid }))
}

/** Directories as they are. */
export const DIRECTORY_FAULTS: readonly Fault[] = [
  {
    name: 'the directory is down for three requests',
    side: 'directory',
    apply: directory((_, n) => (n > 4 && n <= 7 ? outOfOrder(503) : undefined)),
  },
  {
    name: 'the directory refuses the first post',
    side: 'directory',
    apply: directory((_, n) => (n === 1 ? outOfOrder(500) : undefined), 'POST'),
  },
  {
    name: 'the directory is rate-limited once',
    side: 'directory',
    apply: directory((_, n) => (n === 2 ? outOfOrder(429, { 'retry-after': '30' }) : undefined)),
  },
  {
    name: 'the answer of the directory to the post is lost',
    side: 'directory',
    apply: directory(async ({ bytes }, n, world) => {
      if (n > 1) return undefined
      await world.directory.submit(world.did, JSON.parse(new TextDecoder().decode(bytes))).catch(() => {})
      return outOfOrder(502)
    }, 'POST'),
  },
  {
    name: 'another operation comes in between',
    side: 'directory',
    apply: directory(async (_, n, world) => {
      if (n === 1) await otherOperation(world)
      return undefined
    }, 'POST'),
  },
]

const SIGN = 'com.atproto.identity.signPlcOperation'
const RECOMMENDED = 'com.atproto.identity.getRecommendedDidCredentials'
const CREATE = 'com.atproto.server.createAccount'

/** What a hostile source signs in place of what it was asked to. */
const signsInstead =
  (change: (asked: Record<string, unknown>, stranger: string) => object): Fault['apply'] =>
  async (world) => {
    const stranger = (await fakeKey('a stranger')).did()
    after(world.source, SIGN, async (_, answer) => {
      if (!answer.ok) return answer
      const { operation } = (await answer.json()) as { operation: Record<string, unknown> }
      const { sig: _sig, ...unsigned } = operation
      const changed = { ...unsigned, ...change(unsigned, stranger) }
      return json({ operation: await signOperation(world.source.rotationKey, changed as never) })
    })
  }

const strings = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : [])

/** Peers that want the DID, or the account. */
export const HOSTILE_FAULTS: readonly Fault[] = [
  {
    name: 'the source signs a rotation key of its own on top',
    side: 'source',
    apply: signsInstead(({ rotationKeys }, stranger) => ({
      rotationKeys: [stranger, ...strings(rotationKeys)],
    })),
  },
  {
    name: 'the source drops the other rotation keys',
    side: 'source',
    apply: signsInstead(({ rotationKeys }) => ({ rotationKeys: strings(rotationKeys).slice(-1) })),
  },
  {
    name: 'the source signs another server',
    side: 'source',
    apply: signsInstead(() => ({
      services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: 'https://evil.fake-pds.org' } },
    })),
  },
  {
    name: 'the target recommends a key that is not its own',
    side: 'target',
    apply: async ({ target }) => {
      const stranger = (await fakeKey('a stranger')).did()
      after(target, RECOMMENDED, async (_, answer) => {
        if (!answer.ok) return answer
        const found = (await answer.json()) as { rotationKeys: string[] }
        return json({ ...found, rotationKeys: [stranger, ...found.rotationKeys] })
      })
    },
  },
  {
    name: 'the target makes another account',
    side: 'target',
    apply: ({ target }) =>
      after(target, CREATE, async (_, answer) =>
        answer.ok
          ? json({ ...((await answer.json()) as object), did: 'did:plc:ewvi7nxzyoun6zhxrhs64oiz' })
          : answer,
      ),
  },
  {
    name: 'the target says that it submitted, and did not',
    side: 'target',
    apply: ({ target }) =>
      before(target, 'com.atproto.identity.submitPlcOperation', () => new Response(null, { status: 200 })),
  },
]

/** What else happens in a move. */
export const MOVE_FAULTS: readonly Fault[] = [
  {
    name: 'the target needs an invite code',
    side: 'target',
    options: { target: { inviteCode: 'invite-1234' } },
  },
  { name: 'the source mails a code at sign-in', side: 'source', options: { source: { authFactor: true } } },
  {
    name: 'the target has the account already',
    side: 'target',
    apply: async (world) => {
      const there = await world.createAtTarget()
      there.password = 'the new password'
      there.handle = 'alice.new.fake-pds.org'
    },
  },
  {
    name: 'the account is not the source’s first server: another key signed its commit',
    side: 'source',
    apply: async (world) => {
      const data = world.directory.data(world.did)
      if (!data) return
      const { cid, ...rest } = data
      // The DID names a newer key than the one that signed the commit.
      const next = await fakeKey('a newer signing key')
      world.account.signingKey = next
      const verificationMethods = { ...rest.verificationMethods, atproto: next.did() }
      const operation = { type: 'plc_operation' as const, ...rest, verificationMethods, prev: cid }
      await world.directory.submit(world.did, await signOperation(world.source.rotationKey, operation))
    },
  },
  {
    name: 'the DID has a labeler and more names',
    side: 'directory',
    apply: async (world) => {
      const data = world.directory.data(world.did)
      if (!data) return
      const { cid, ...rest } = data
      const labeler = (await fakeKey('labeler')).did()
      const operation = {
        type: 'plc_operation' as const,
        ...rest,
        alsoKnownAs: [...rest.alsoKnownAs, 'at://alice.fake-pds.net'],
        verificationMethods: { ...rest.verificationMethods, atproto_label: labeler },
        services: {
          ...rest.services,
          atproto_labeler: { type: 'AtprotoLabeler', endpoint: 'https://label.fake-pds.net' },
        },
        prev: cid,
      }
      await world.directory.submit(world.did, await signOperation(world.source.rotationKey, operation))
    },
  },
]

const text = (value: string): number[] => [...new TextEncoder().encode(value)]

/** A record with a field `x` of these bytes. */
const recordWith = (value: readonly number[]): Uint8Array =>
  new Uint8Array([0xa2, 0x61, 0x78, ...value, 0x65, ...text('$type'), 0x63, ...text('a.b')])

/** What the specification forbids and live repositories have. */
export const MALFORMED_RECORDS: Readonly<Record<string, Uint8Array>> = {
  [postPath(1001)]: recordWith([0xfb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]),
  [postPath(1002)]: recordWith([0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
  [postPath(1003)]: recordWith([0x62, 0xc3, 0x28]),
  [postPath(1004)]: recordWith([...Array.from({ length: 4000 }, () => 0x81), 0x80]),
  [postPath(1005)]: recordWith([
    0xd8,
    0x2a,
    0x58,
    0x23,
    0,
    0x12,
    0x20,
    ...Array.from({ length: 32 }, () => 7),
  ]),
}

/** Repositories with such records. */
export const RECORD_FAULTS: readonly Fault[] = [
  {
    name: 'records are malformed, and the target takes them',
    side: 'source',
    options: { more: { ...MALFORMED_RECORDS }, target: { refuseRecord: () => undefined } },
  },
  {
    name: 'records are malformed, and the target refuses them',
    side: 'target',
    options: {
      more: { ...MALFORMED_RECORDS },
      target: { refuseRecord: (path) => (path in MALFORMED_RECORDS ? 'no' : undefined) },
    },
  },
]
