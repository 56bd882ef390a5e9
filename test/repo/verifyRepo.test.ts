import { Secp256k1Keypair } from '@atproto/crypto'
import { encode } from '@atproto/lex-cbor'
import type { Cid, LexMap, LexValue } from '@atproto/lex-data'
import { signCommit } from '@atproto/repo'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CarError } from '../../src/repo/car/carError.ts'
import { formatTid } from '../../src/repo/tid.ts'
import { RepoError, verifyRepo, verifyWholeRepo } from '../../src/repo/verifyRepo.ts'
import type { RepoErrorCode, RepoInput } from '../../src/repo/verifyRepo.ts'
import type { Read } from '../../src/repo/tree/treeWalk.ts'
import { Blocks, DID, cborCid, importCar, post, posts, rawCid, referenceRepo } from './fixture.ts'
import { keysOn, putNode } from './tree/tree.ts'

const now = Date.now()
const key = await Secp256k1Keypair.create()

/** A repository of our own, with something wrong in it. */
const forge = async (tree: (blocks: Blocks) => Cid, change: LexMap = {}) => {
  const blocks = new Blocks()
  const unsigned = {
    did: DID,
    version: 3 as const,
    data: tree(blocks),
    rev: formatTid(now * 1000),
    prev: null,
  }
  const commit = await signCommit({ ...unsigned, ...change } as typeof unsigned, key)
  const root = blocks.put(commit as unknown as LexValue)
  return { root, blocks, input: { root, did: DID, signingKey: key.did(), now, read: blocks.read } }
}

const emptyTree = (blocks: Blocks): Cid => putNode(blocks, null, [])
const oneRecord = (bytes: Uint8Array) => (blocks: Blocks) => {
  const cid = cborCid(bytes)
  blocks.set(cid.toString(), bytes)
  return putNode(blocks, null, [{ key: keysOn([0])[0] ?? '', value: cid }])
}

const refusal = async (input: RepoInput): Promise<RepoErrorCode | undefined> => {
  try {
    await verifyWholeRepo(input)
    return undefined
  } catch (error) {
    if (error instanceof RepoError) return error.code
    throw error
  }
}

const thrownBy = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )
const isTyped = (error: unknown): boolean => error instanceof CarError || error instanceof RepoError

describe('verifying a whole repository', () => {
  test('the reference implementation’s repositories verify, with every record and blob', async () => {
    const image = { $type: 'blob', ref: rawCid(new Uint8Array([1])), mimeType: 'image/png', size: 1 } as const
    const records = { ...posts(500), 'app.bsky.feed.post/image': post('with an image', { embed: { image } }) }
    const { car, key: signer, repo } = await referenceRepo(records)
    const verified = await importCar(car, { did: DID, signingKey: signer.did(), now })
    expect(verified.repo.cid.toString()).toBe(repo.cid.toString())
    expect(verified.repo.commit.rev).toBe(repo.commit.rev)
    expect(verified.records.map(({ path }) => path)).toEqual(Object.keys(records).sort())
    expect(verified.repo.counts).toMatchObject({ records: 501, complete: true })
    const withBlobs = verified.records.filter(({ blobs }) => blobs.length > 0)
    expect(withBlobs.map(({ path, blobs }) => [path, ...blobs.map(({ cid }) => cid.toString())])).toEqual([
      ['app.bsky.feed.post/image', image.ref.toString()],
    ])
  })

  test('random repositories, some with equal records, verify and count every block', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.stringMatching(/^[a-z0-9_~-]{1,5}$/), { minLength: 1, maxLength: 60 }),
        fc.nat(5),
        async (rkeys, texts) => {
          const records = Object.fromEntries(
            rkeys.map((rkey, i) => [`com.example.thing/${rkey}`, post(String(i % (texts + 1)))]),
          )
          const { blocks, key: signer, cid } = await referenceRepo(records)
          const input = {
            root: cid,
            did: DID,
            signingKey: signer.did(),
            now,
            read: blocks.read,
            hash: true,
          }
          const { counts } = await verifyWholeRepo({ ...input, blocks: blocks.size })
          expect(counts.records).toBe(rkeys.length)
          expect(await refusal({ ...input, blocks: blocks.size + 1 })).toBe('Unreachable')
        },
      ),
      { numRuns: 15 },
    )
  })

  test('a CAR cut after any of its bytes is refused with a typed error', async () => {
    const { car, key: signer } = await referenceRepo(posts(4))
    for (let length = 0; length < car.length; length++) {
      const error = await thrownBy(
        importCar(car.slice(0, length), { did: DID, signingKey: signer.did(), now }),
      )
      expect(isTyped(error), `${length} bytes: ${String(error)}`).toBe(true)
    }
  })

  test('a CAR with any bit flipped is refused with a typed error', async () => {
    const { car, key: signer } = await referenceRepo(posts(4))
    await fc.assert(
      fc.asyncProperty(fc.nat(car.length - 1), fc.nat(7), async (at, bit) => {
        const copy = car.slice()
        copy[at] = (copy[at] ?? 0) ^ (1 << bit)
        expect(isTyped(await thrownBy(importCar(copy, { did: DID, signingKey: signer.did(), now })))).toBe(
          true,
        )
      }),
      { numRuns: 400 },
    )
  })
})

describe('what is refused, and with which code', () => {
  test('a repository of our own is valid as long as nothing is wrong', async () => {
    const { input } = await forge(oneRecord(encode(post('hello'))))
    expect(await refusal(input)).toBe(undefined)
    expect(await refusal((await forge(emptyTree)).input)).toBe(undefined)
  })

  test('another account’s repository', async () => {
    const { input } = await forge(emptyTree)
    expect(await refusal({ ...input, did: 'did:web:alice.example' })).toBe('WrongDid')
  })

  test('a commit signed by another key', async () => {
    const { input } = await forge(emptyTree)
    const other = await Secp256k1Keypair.create()
    expect(await refusal({ ...input, signingKey: other.did() })).toBe('BadSignature')
  })

  test('a missing commit, or a block that is not a commit', async () => {
    const { input, blocks } = await forge(emptyTree)
    expect(await refusal({ ...input, root: cborCid(new Uint8Array([7])) })).toBe('MissingBlock')
    expect(await refusal({ ...input, root: emptyTree(blocks) })).toBe('BadCommit')
  })

  test('a commit of version 2', async () => {
    expect(await refusal((await forge(emptyTree, { version: 2 })).input)).toBe('BadCommit')
  })

  test('a revision that is not a TID, or more than five minutes ahead', async () => {
    const at = async (ms: number) =>
      refusal((await forge(emptyTree, { rev: formatTid((now + ms) * 1000) })).input)
    expect(await refusal((await forge(emptyTree, { rev: '1' })).input)).toBe('BadRev')
    expect(await at(5 * 60_000 + 1)).toBe('BadRev')
    expect(await at(5 * 60_000)).toBe(undefined)
  })

  test('a block that is not a tree', async () => {
    expect(await refusal((await forge((blocks) => blocks.put(1))).input)).toBe('BadTree')
  })

  test.each([
    ['is not a map', encode([1])],
    ['is not canonical CBOR', new Uint8Array([0xbf, 0xff])],
    ['holds a float', Uint8Array.from(Buffer.from('a16161fb3ff8000000000000', 'hex'))],
    ['is nested a hundred thousand deep', new Uint8Array(100_000).fill(0x81)],
    ['is empty', new Uint8Array()],
  ])('a record that %s', async (_, bytes) => {
    expect(await refusal((await forge(oneRecord(bytes))).input)).toBe('BadRecord')
  })

  test('a missing record, and one with other bytes', async () => {
    const bytes = encode(post('hello'))
    const { input, blocks } = await forge(oneRecord(bytes))
    blocks.set(cborCid(bytes).toString(), encode(post('other')))
    expect(await refusal({ ...input, checkHashes: true })).toBe('HashMismatch')
    blocks.delete(cborCid(bytes).toString())
    expect(await refusal(input)).toBe('MissingBlock')
  })

  test('the counts are not complete before the last record', async () => {
    const { key: signer, blocks, cid } = await referenceRepo(posts(3))
    const repo = await verifyRepo({
      root: cid,
      did: DID,
      signingKey: signer.did(),
      now,
      read: blocks.read,
    })
    for (const _ of repo.records()) expect(repo.counts.complete).toBe(false)
    expect(repo.counts).toMatchObject({ records: 3, complete: true })
  })

  test('every block may be overwritten when the next is asked for', async () => {
    const image = { $type: 'blob', ref: rawCid(new Uint8Array([1])), mimeType: 'image/png', size: 1 } as const
    const records = { ...posts(50), 'app.bsky.feed.post/image': post('with an image', { embed: { image } }) }
    const { key: signer, blocks, cid, repo: reference } = await referenceRepo(records)
    const buffer = new Uint8Array(64 * 1024)
    const reusing: Read = (wanted) => {
      const bytes = blocks.read(wanted)
      buffer.fill(0xff)
      if (bytes) buffer.set(bytes)
      return bytes && buffer.subarray(0, bytes.length)
    }
    const input = { root: cid, did: DID, signingKey: signer.did(), now, hash: true, blocks: blocks.size }
    const repo = await verifyRepo({ ...input, read: reusing })
    const found = [...repo.records()]
    buffer.fill(0)
    expect(found.map(({ path }) => path)).toEqual(Object.keys(records).sort())
    expect(found.flatMap(({ blobs }) => blobs.map((blob) => blob.cid.toString()))).toEqual([
      image.ref.toString(),
    ])
    expect(repo.commit.data.toString()).toBe(reference.commit.data.toString())
    expect(Buffer.compare(repo.commit.sig, reference.commit.sig)).toBe(0)
  })
})
