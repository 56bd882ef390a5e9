import type { LexMap } from '@atproto/lex-data'
import type { Keypair } from '@atproto/crypto'
import { formatTid } from '../../../src/repo/tid.ts'
import { type Client, connect } from '../../../src/client/index.ts'
import { createFakeDirectory, didOf, type FakeDirectory, signOperation } from './directory.ts'
import { createFakePds } from './fakePds.ts'
import type { FakeAccount, FakePds, FakePdsOptions } from './types.ts'
import { type FakeRecord, rawCid } from './fakeRepo.ts'
import { fakeKey } from './keys.ts'
import { createNetwork, type FakeNetwork } from './network.ts'

type SideOptions = Partial<Omit<FakePdsOptions, 'network' | 'directory' | 'origin'>>

export interface FakeWorldOptions {
  /** Records of the account; 12. */
  records?: number
  /** Blobs, each in a post of its own; 3. */
  blobs?: number
  blobBytes?: number
  /** More records, or bytes that are not a record. */
  more?: Record<string, FakeRecord>
  source?: SideOptions
  target?: SideOptions
  /** Rotation keys of the owner, above the source's: one. */
  ownerKeys?: number
  startMs?: number
  /** Of the account at the source. */
  password?: string
}

/** Two servers, a directory, and an account on the source, ready to move. */
export interface FakeWorld {
  readonly network: FakeNetwork
  readonly directory: FakeDirectory
  readonly source: FakePds
  readonly target: FakePds
  /** The account at the source. */
  readonly account: FakeAccount
  readonly did: string
  readonly handle: string
  readonly password: string
  /** The owner's rotation keys. */
  readonly ownerKeys: readonly Keypair[]
  /** A client of a server with a session of the account. */
  client(pds: FakePds): Client
  /** Makes the account at the target, as createAccount does. */
  createAtTarget(): Promise<FakeAccount>
}

export const post = (text: string, more: LexMap = {}): LexMap => ({
  $type: 'app.bsky.feed.post',
  text,
  createdAt: '2026-11-01T00:00:00.000Z',
  ...more,
})

/** A post with this image. */
export const imagePost = (bytes: Uint8Array, mimeType = 'image/png'): LexMap =>
  post('an image', {
    embed: {
      $type: 'app.bsky.embed.images',
      images: [{ alt: '', image: { $type: 'blob', ref: rawCid(bytes), mimeType, size: bytes.length } }],
    },
  })

/** The bytes of the n-th blob: a PNG by its first bytes. */
export const blobBytes = (n: number, size = 64): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(Math.max(size, 16))
  bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, n >> 16, n >> 8, n])
  return bytes
}

export const postPath = (n: number): string => `app.bsky.feed.post/${formatTid(1_700_000_000_000_000 + n)}`

export const createWorld = async (options: FakeWorldOptions = {}): Promise<FakeWorld> => {
  const { records = 12, blobs = 3, blobBytes: size = 64, more = {}, ownerKeys: keys = 1 } = options
  const network = createNetwork(options.startMs)
  const directory = createFakeDirectory(network)
  const base = { network, directory }
  const source = await createFakePds({ ...base, origin: 'https://old.fake-pds.org', ...options.source })
  const target = await createFakePds({ ...base, origin: 'https://new.fake-pds.org', ...options.target })
  const [handle, password] = ['alice.old.fake-pds.org', options.password ?? 'the account password']

  const ownerKeys = await Promise.all(Array.from({ length: keys }, (_, i) => fakeKey(`owner ${i}`)))
  const signingKey = await fakeKey(`signing at ${source.origin}`)
  const genesis = await signOperation(source.rotationKey, {
    type: 'plc_operation',
    rotationKeys: [...ownerKeys.map((key) => key.did()), source.rotationKey.did()],
    verificationMethods: { atproto: signingKey.did() },
    alsoKnownAs: [`at://${handle}`],
    services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: source.origin } },
    prev: null,
  })
  const did = await didOf(genesis)
  await directory.submit(did, genesis)

  const account = source.addAccount({ did, handle, password, signingKey, active: true })
  account.preferences = [{ $type: 'app.bsky.actor.defs#adultContentPref', enabled: false }]
  const written: Record<string, FakeRecord> = { ...more }
  for (let i = 0; i < records - blobs; i++) written[postPath(i)] = post(`post ${i}`)
  for (let i = 0; i < blobs; i++) {
    const bytes = blobBytes(i, size)
    source.putBlob(account, bytes)
    written[postPath(10_000 + i)] = imagePost(bytes)
  }
  await source.write(account, written)

  return {
    network,
    directory,
    source,
    target,
    account,
    did,
    handle,
    password,
    ownerKeys,
    client(pds) {
      const found = pds.accounts.get(did)
      if (!found) throw new Error(`${pds.origin} has no account`)
      const session = { did, handle: found.handle, ...pds.openSession(found) }
      return connect(pds.origin, { session, fetch: network.fetch })
    },
    async createAtTarget() {
      const signingKey = await fakeKey(`signing of ${did} at ${target.origin}`)
      const made = target.addAccount({ did, handle, password: 'new password', signingKey, active: false })
      await target.write(made, {})
      return made
    },
  }
}
