import { cidForRawBytes, type Cid, type LexMap } from '@atproto/lex-data'
import { encode } from '@atproto/lex-cbor'
import { generateKey } from '../../crypto/privateKey.ts'
import { createGenesis } from '../../plc/build.ts'
import type { Directory } from '../../plc/directory.ts'
import type { Block } from '../../repo/block.ts'
import { carHeader, carSection } from '../../repo/car/writeCar.ts'
import { cborCid } from '../../repo/cid.ts'
import { formatTid, nextTid } from '../../repo/tid.ts'
import { buildTree } from '../../repo/tree/buildTree.ts'
import { loadRotationKey, loadSigningKey, type RotationKey, type SigningKey } from '../../signing/keys.ts'
import { madeUpBlobs, type MadeUpBlob } from './madeUpBlobs.ts'
import type { MoverDeps } from '../moverDeps.ts'

/** An account that nobody uses, with its keys: it is on no server, so that nothing but the target is tested. */
export interface ThrowAwayAccount {
  readonly did: string
  readonly signingKey: SigningKey
  readonly rotationKey: RotationKey
  readonly blobs: readonly MadeUpBlob[]
  /** `collection/rkey` to CID. */
  readonly records: ReadonlyMap<string, string>
  /** CID of the tree. */
  readonly data: string
  /** A CAR of the repository at a new revision, later than the ones before. */
  car(changes?: {
    did?: string
    signer?: SigningKey
  }): Promise<{ bytes: Uint8Array<ArrayBuffer>; rev: string }>
}

/** The server that the DID names before it moves. There is none. */
const NO_SERVER = 'https://rehearsal.invalid'
const POSTS = 120

const post = (n: number, more: LexMap = {}): LexMap => ({
  $type: 'app.bsky.feed.post',
  text: `Rehearsal ${n}: žluťoučký kůň 🐎`,
  createdAt: new Date(1_700_000_000_000 + n * 60_000).toISOString(),
  ...more,
})

const blobRef = ({ cid, mimeType, bytes }: MadeUpBlob) => ({
  $type: 'blob',
  ref: cid,
  mimeType,
  size: bytes.length,
})

/** Records of every shape that the specification allows, among them one for each blob. */
const madeUpRecords = (blobs: readonly MadeUpBlob[]): Map<string, LexMap> => {
  const records = new Map<string, LexMap>([
    ['app.bsky.actor.profile/self', { $type: 'app.bsky.actor.profile', displayName: 'Rehearsal' }],
    // Keys and values at the limits of the specification, of a type that no server knows.
    [
      'com.example.rehearsal/a.b~c:d_e-f',
      {
        $type: 'com.example.rehearsal',
        bytes: new TextEncoder().encode('bytes'),
        numbers: [0, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
        nothing: null,
        deep: { deeper: { deepest: [[[{ text: '' }]]] } },
        'key with spaces ✓': true,
      },
    ],
    [`com.example.rehearsal/${'k'.repeat(512)}`, { $type: 'com.example.rehearsal' }],
  ])
  for (let n = 0; n < POSTS; n++)
    records.set(`app.bsky.feed.post/${formatTid(1_700_000_000_000_000 + n * 1_000_000)}`, post(n))
  blobs.forEach((blob, n) => {
    const key = `com.example.rehearsal/blob-${n}`
    records.set(key, { $type: 'com.example.rehearsal', blob: blobRef(blob), again: [blobRef(blob)] })
  })
  return records
}

const encoded = (record: LexMap): Block => {
  const bytes = encode(record)
  return { cid: cborCid(bytes), bytes }
}

const commitOf = async (
  signer: SigningKey,
  fields: { did: string; data: Cid; rev: string },
): Promise<Block> => {
  const unsigned = { ...fields, version: 3, prev: null }
  const sig = await signer.commitKeypair(fields.did).sign(encode(unsigned))
  const bytes = encode({ ...unsigned, sig })
  return { cid: cborCid(bytes), bytes }
}

/** Makes the account, and registers its DID. */
export async function makeThrowAway(
  { random, now }: Pick<MoverDeps, 'random' | 'now'>,
  directory: Directory,
  handle: string,
): Promise<ThrowAwayAccount> {
  const signingKey = await loadSigningKey(await generateKey(random))
  const rotationKey = await loadRotationKey(await generateKey(random))
  const genesis = { recoveryKeys: [], signingKey: signingKey.did, handle, endpoint: NO_SERVER }
  const { did, operation } = await createGenesis(rotationKey, genesis)
  await directory.submit(did, operation)

  const blobs = await Promise.all(
    madeUpBlobs(random).map(async (blob) => ({ ...blob, cid: await cidForRawBytes(blob.bytes) })),
  )
  const blocks = new Map([...madeUpRecords(blobs)].map(([path, record]) => [path, encoded(record)]))
  const nodes = buildTree([...blocks].map(([key, { cid }]) => ({ key, value: cid })))
  let rev: string | undefined
  return {
    did,
    signingKey,
    rotationKey,
    blobs,
    records: new Map([...blocks].map(([path, { cid }]) => [path, cid.toString()])),
    data: nodes[0].cid.toString(),
    async car({ did: owner = did, signer = signingKey } = {}) {
      rev = nextTid(now(), rev)
      const commit = await commitOf(signer, { did: owner, data: nodes[0].cid, rev })
      const unique = new Map(
        [commit, ...nodes, ...blocks.values()].map((block) => [block.cid.toString(), block]),
      )
      const sections = [...unique.values()].map(({ cid, bytes }) => carSection(cid, bytes))
      return { bytes: new Uint8Array(Buffer.concat([carHeader(commit.cid), ...sections])), rev }
    },
  }
}
