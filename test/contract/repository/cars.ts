import { Secp256k1Keypair } from '@atproto/crypto'
import { encode } from '@atproto/lex-cbor'
import type { Cid, LexMap } from '@atproto/lex-data'
import { signCommit } from '@atproto/repo'
import { readCar } from '../../../src/repo/car/readCar.ts'
import { carSection } from '../../../src/repo/car/writeCar.ts'
import { cborCid } from '../../../src/repo/cid.ts'
import { type Commit, parseCommit } from '../../../src/repo/commit.ts'
import { encodeNode } from '../../../src/repo/tree/encodeNode.ts'
import { walk } from '../../../src/repo/tree/treeWalk.ts'
import { SIGNING_KEY } from '../../support/deployment.ts'

export interface CarBlock {
  readonly cid: Cid
  readonly bytes: Uint8Array
}

/** A CAR that was taken apart, to be put together wrongly. */
export interface Parts {
  readonly roots: readonly Cid[]
  readonly blocks: readonly CarBlock[]
}

const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, value >> 7])

export const carBytes = ({ roots, blocks }: Parts): Uint8Array<ArrayBuffer> => {
  const header = encode({ roots: [...roots], version: 1 })
  const parts = [
    ...varint(header.length),
    ...header,
    ...blocks.flatMap(({ cid, bytes }) => [...carSection(cid, bytes)]),
  ]
  return new Uint8Array(parts)
}

export async function carParts(answer: Response): Promise<Parts> {
  const { body } = answer
  if (!body) throw new Error('an answer without a body')
  const car = await readCar(body)
  const blocks: CarBlock[] = []
  for await (const { cid, bytes } of car) blocks.push({ cid, bytes })
  return { roots: car.roots, blocks }
}

/** The same answer with another CAR. */
export const recar =
  (edit: (parts: Parts) => Parts | Uint8Array<ArrayBuffer> | Promise<Parts | Uint8Array<ArrayBuffer>>) =>
  async (answer: Response): Promise<Response> => {
    if (answer.status !== 200) return answer
    const edited = await edit(await carParts(answer))
    const bytes = edited instanceof Uint8Array ? edited : carBytes(edited)
    return new Response(bytes, { headers: answer.headers })
  }

export const block = (value: LexMap): CarBlock => {
  const bytes = encode(value)
  return { cid: cborCid(bytes), bytes }
}

export const rootOf = ({ roots, blocks }: Parts): CarBlock => {
  const found = blocks.find(({ cid }) => roots[0]?.equals(cid))
  if (!found) throw new Error('the CAR has no commit')
  return found
}

/** A commit with other fields, signed by the account's key. */
export async function commitOf(parts: Parts, fields: Partial<Commit>): Promise<CarBlock> {
  const key = await Secp256k1Keypair.import(SIGNING_KEY)
  const { sig: _, ...unsigned } = { ...parseCommit(rootOf(parts).bytes), ...fields }
  const signed = await signCommit({ ...unsigned, version: 3 }, key)
  return block({ ...signed })
}

/** The same CAR with another commit. */
export const withCommit = (parts: Parts, commit: CarBlock): Parts => ({
  roots: [commit.cid],
  blocks: [commit, ...parts.blocks.filter(({ cid }) => !parts.roots[0]?.equals(cid))],
})

/** The records of a whole CAR. */
export const recordsOf = (parts: Parts): { key: string; cid: Cid; bytes: Uint8Array }[] => {
  const blocks = new Map(parts.blocks.map(({ cid, bytes }) => [cid.toString(), bytes]))
  const read = (cid: Cid) => blocks.get(cid.toString())
  const items = [...walk(parseCommit(rootOf(parts).bytes).data, read)]
  return items.flatMap((item) => (item.kind === 'record' ? [item] : []))
}

/** A repository whose tree is one node with these records, in this order, signed by the account's key. */
export async function flatRepo(
  parts: Parts,
  records: readonly { key: string; cid: Cid; bytes: Uint8Array }[],
): Promise<Parts> {
  const bytes = encodeNode({
    left: null,
    entries: records.map(({ key, cid }) => ({ key, value: cid, right: null })),
  })
  const node = { cid: cborCid(bytes), bytes }
  const commit = await commitOf(parts, { data: node.cid })
  return { roots: [commit.cid], blocks: [commit, node, ...records] }
}
