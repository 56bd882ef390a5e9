/** Compiled, never run: each line compiles, except those after an expected error. */
import { connect, type Download, pages, settle, type Settled } from '../../src/client/index.ts'
import { type RepoEvent, subscribeRepos } from '../../src/client/subscribe.ts'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(answer: Same<A, B>): boolean => answer

const client = connect('alice.example')
const { repo, server, sync, identity } = client.com.atproto
const { admin } = client.com.cirrus
const did = 'did:web:alice.example'
const stream = new ReadableStream<Uint8Array>()

export async function params(): Promise<void> {
  await sync.listBlobs({ did })
  await sync.listBlobs({ did, limit: 10, since: '3abc' }, { signal: AbortSignal.timeout(1000) })
  await server.describeServer()
  await admin.getJournal()
  // @ts-expect-error did is missing
  await sync.listBlobs({})
  // @ts-expect-error did is missing
  await sync.listBlobs()
  // @ts-expect-error misspelt
  await sync.listBlobs({ did, limt: 10 })
  // @ts-expect-error of another type
  await sync.listBlobs({ did, limit: '10' })
  // @ts-expect-error it has no params
  await server.describeServer({ did })
  // @ts-expect-error options are not params
  await server.describeServer({ signal: AbortSignal.timeout(1000) })
  // @ts-expect-error no such method
  await sync.getRepository({ did })
}

export async function inputs(): Promise<void> {
  await repo.deleteRecord({ repo: did, collection: 'a.b.c', rkey: 'self' })
  await server.deactivateAccount()
  await server.deactivateAccount({ deleteAfter: '2030-01-01T00:00:00Z' })
  await server.activateAccount({ headers: { 'x-a': 'b' } })
  // @ts-expect-error rkey is missing
  await repo.deleteRecord({ repo: did, collection: 'a.b.c' })
  // @ts-expect-error a member of another type
  await identity.signPlcOperation({ rotationKeys: 'did:key:z' })
  // @ts-expect-error it has no input
  await server.activateAccount({ deleteAfter: '2030-01-01T00:00:00Z' })
  // @ts-expect-error a wrong operation in the list
  await repo.applyWrites({ repo: did, writes: [{ $type: 'com.atproto.repo.applyWrites#remove' }] })
}

export async function binaries(): Promise<void> {
  await repo.importRepo(stream)
  await repo.importRepo(new Uint8Array())
  await repo.importRepo({ encoding: 'application/vnd.ipld.car', body: stream, length: 3 })
  await repo.importRepo(await sync.getRepo({ did }))
  await repo.uploadBlob(new Blob([], { type: 'image/png' }))
  await repo.uploadBlob({ encoding: 'image/png', body: new Uint8Array() })
  await repo.uploadBlob(await sync.getBlob({ did, cid: 'bafkrei' }))
  // @ts-expect-error wrong encoding
  await repo.importRepo({ encoding: 'application/json', body: stream })
  // @ts-expect-error wrong encoding: what getBlob answers may be anything
  await repo.importRepo(await sync.getBlob({ did, cid: 'bafkrei' }))
  // @ts-expect-error a blob needs a type, bare bytes have none
  await repo.uploadBlob(stream)
  // @ts-expect-error an object is not a body
  await repo.importRepo({ car: stream })
}

export async function outputs(): Promise<void> {
  same<Awaited<ReturnType<typeof sync.getRepo>>, Download<'application/vnd.ipld.car'>>(true)
  same<Awaited<ReturnType<typeof sync.getBlob>>['encoding'], string>(true)
  same<Awaited<ReturnType<typeof server.activateAccount>>, void>(true)
  const { blob } = await repo.uploadBlob(new Blob())
  const link: string = blob.ref.$link
  void link
  for await (const { cids } of pages((page) => sync.listBlobs({ did, ...page })))
    same<typeof cids, string[]>(true)
  // @ts-expect-error not a list
  pages(() => sync.getLatestCommit({ did, cursor: '' }))
}

export async function errors(): Promise<void> {
  const blob = await settle(sync.getBlob({ did, cid: 'bafkrei' }))
  if (blob.ok) return
  switch (blob.error) {
    case 'BlobNotFound':
    case 'RepoTakendown':
    case 'RateLimitExceeded':
    case 'NetworkError':
    case 'Unexpected':
      return
    // @ts-expect-error misspelt
    case 'BlobNotFuond':
      return
    // @ts-expect-error declared by another method
    case 'InvalidSwap':
      return
    default:
  }
  // @ts-expect-error misspelt
  if (blob.error === 'RepoTakndown') return
  // @ts-expect-error data is there only when it went well
  void blob.data
  const none = await settle(server.activateAccount())
  same<typeof none, Settled<void, never>>(true)
  // A call that has lost its type declares no errors, not all of them.
  const plain = await settle((async () => 1)())
  // @ts-expect-error
  if (!plain.ok && plain.error === 'RepoTakendown') return
}

export function connections(): void {
  connect('alice.example', { admin: { password: 'x' } }).withToken('abc')
  // @ts-expect-error misspelt
  connect('alice.example', { tokn: 'abc' })
  // @ts-expect-error a session has a refresh token
  connect('alice.example').withSession({ did, handle: 'a', accessJwt: 'b' })
}

export async function subscriptions(): Promise<void> {
  for await (const event of subscribeRepos('alice.example', { cursor: 1, WebSocket })) {
    same<typeof event, RepoEvent>(true)
    const seq: number = event.seq
    void seq
    if (event.$type === 'com.atproto.sync.subscribeRepos#commit') {
      const { blocks, commit, ops }: { blocks: Uint8Array; commit: { $link: string }; ops: object[] } = event
      void [blocks, commit, ops]
    }
    // @ts-expect-error only an account has it
    void event.active
    // @ts-expect-error misspelt
    if (event.$type === 'com.atproto.sync.subscribeRepos#comit') return
    // @ts-expect-error passed to onInfo
    if (event.$type === 'com.atproto.sync.subscribeRepos#info') return
  }
  // @ts-expect-error misspelt
  subscribeRepos('alice.example', { curser: 1 })
  // @ts-expect-error a subscription is not called
  void sync.subscribeRepos
}
