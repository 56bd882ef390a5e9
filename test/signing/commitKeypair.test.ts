import { encode } from '@atproto/lex-cbor'
import { cidForCbor } from '@atproto/lex-data'
import { signCommit, verifyCommitSig } from '@atproto/repo'
import { expect, test } from 'vitest'
import { loadSigningKey } from '../../src/signing/keys.ts'
import { DID, part, testSecret } from '../crypto/support.ts'

const key = await loadSigningKey(testSecret('commit'))
const keypair = key.commitKeypair(DID)
const data = await cidForCbor(encode({}))
const commit = { did: DID, version: 3 as const, data, rev: '3l3qo2vutsw2b', prev: null }

test('@atproto/repo signs commits with the keypair', async () => {
  const signed = await signCommit(commit, keypair)
  expect(await verifyCommitSig(signed, key.did)).toBe(true)
})

/** A commit with its keys in another order: the same value, other bytes. */
const unsorted = () => {
  const { did, ...rest } = commit
  const [a, b] = [encode(rest), encode({ did })]
  return Uint8Array.from([0xa5, ...a.subarray(1), ...b.subarray(1)])
}

test.each([
  ['nothing', new Uint8Array()],
  ['text', new TextEncoder().encode('hello')],
  ['the input of a token', new TextEncoder().encode(`${part({ alg: 'ES256K' })}.${part({ iss: DID })}`)],
  ['a PLC operation', encode({ type: 'plc_operation', prev: null, rotationKeys: [] })],
  ['a tombstone', encode({ type: 'plc_tombstone', prev: data.toString() })],
  ["another account's commit", encode({ ...commit, did: 'did:web:other.example' })],
  ['a commit of version 2', encode({ ...commit, version: 2 })],
  ['a signed commit', encode({ ...commit, sig: new Uint8Array(64) })],
  ['a commit with an additional field', encode({ ...commit, type: 'plc_operation' })],
  ['a commit with a bad rev', encode({ ...commit, rev: 'x' })],
  ['a commit whose data is text', encode({ ...commit, data: data.toString() })],
  ['two commits', Uint8Array.from([...encode(commit), ...encode(commit)])],
  ['an unsorted commit', unsorted()],
  ['deep nesting', new Uint8Array(100_000).fill(0x81)],
])('the keypair refuses to sign %s', async (_, bytes) => {
  await expect(keypair.sign(bytes)).rejects.toMatchObject({ code: 'NotACommit' })
})
