import { P256Keypair, Secp256k1Keypair } from '@atproto/crypto'
import { encode } from '@atproto/lex-cbor'
import type { LexMap } from '@atproto/lex-data'
import { signCommit } from '@atproto/repo'
import { describe, expect, test } from 'vitest'
import { CommitError, parseCommit, verifyCommit } from '../../src/repo/commit.ts'
import { DID, cborCid, rawCid } from './fixture.ts'

const data = cborCid(new Uint8Array([1]))
const unsigned = { did: DID, version: 3 as const, data, rev: '3jzfcijpj2z2a', prev: null }
const good = { ...unsigned, sig: new Uint8Array(64).fill(1) }

const refusal = (commit: LexMap | number): string | undefined => {
  try {
    parseCommit(encode(commit))
    return undefined
  } catch (error) {
    if (error instanceof CommitError) return error.code
    throw error
  }
}

describe('commits', () => {
  test.each([
    ['secp256k1', Secp256k1Keypair],
    ['P-256', P256Keypair],
  ])('the reference’s signature by %s verifies', async (_, keypair) => {
    const key = await keypair.create()
    const commit = parseCommit(encode(await signCommit(unsigned, key)))
    expect(commit.data.equals(data)).toBe(true)
    expect(await verifyCommit(commit, key.did())).toBe(true)
    expect(await verifyCommit({ ...commit, rev: '3jzfcijpj2z2b' }, key.did())).toBe(false)
    expect(await verifyCommit(commit, (await keypair.create()).did())).toBe(false)
  })

  test('a high-S signature, which anyone can make from a valid one, does not', async () => {
    const key = await Secp256k1Keypair.create()
    const commit = parseCommit(encode(await signCommit(unsigned, key)))
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
    const s = BigInt(`0x${Buffer.from(commit.sig.subarray(32)).toString('hex')}`)
    const high = Buffer.from((order - s).toString(16).padStart(64, '0'), 'hex')
    const sig = new Uint8Array([...commit.sig.subarray(0, 32), ...high])
    expect(await verifyCommit({ ...commit, sig }, key.did())).toBe(false)
  })

  test('a malformed signature is not valid, a malformed key is an error', async () => {
    const commit = parseCommit(encode(good))
    const key = await Secp256k1Keypair.create()
    expect(await verifyCommit({ ...commit, sig: new Uint8Array(64) }, key.did())).toBe(false)
    expect(await verifyCommit({ ...commit, sig: new Uint8Array(64).fill(255) }, key.did())).toBe(false)
    await expect(verifyCommit(commit, 'did:web:example.com')).rejects.toThrow()
  })

  test.each<[string, LexMap | number, string]>([
    ['a number', 3, 'BadCommit'],
    ['version 2', { ...good, version: 2 }, 'OldVersion'],
    ['version 4', { ...good, version: 4 }, 'BadCommit'],
    ['no prev', { did: DID, version: 3, data, rev: good.rev, sig: good.sig }, 'BadCommit'],
    ['no signature', unsigned, 'BadCommit'],
    ['a field too many', { ...good, extra: 1 }, 'BadCommit'],
    ['a malformed DID', { ...good, did: 'alice' }, 'BadCommit'],
    ['data that is raw', { ...good, data: rawCid(new Uint8Array()) }, 'BadCommit'],
    ['data that is text', { ...good, data: data.toString() }, 'BadCommit'],
    ['prev that is text', { ...good, prev: data.toString() }, 'BadCommit'],
    ['a signature of 65 bytes', { ...good, sig: new Uint8Array(65) }, 'BadCommit'],
    ['a signature in DER', { ...good, sig: new Uint8Array(70) }, 'BadCommit'],
    ['a rev that is not a TID', { ...good, rev: 'yesterday' }, 'BadRev'],
    ['a commit of 10 KB', { ...good, did: `did:web:${'a'.repeat(10_000)}` }, 'BadCommit'],
  ])('%s is refused', (_, commit, code) => {
    expect(refusal(commit)).toBe(code)
  })

  test('a link to the previous commit is allowed', () => {
    expect(refusal({ ...good, prev: data })).toBe(undefined)
  })
})
