import { randomBytes } from 'node:crypto'
import { encode } from '@atproto/lex-cbor'
import { type Cid, decodeCid } from '@atproto/lex-data'
import { BlockMap, DataDiff, MemoryBlockstore, MST } from '@atproto/repo'
import { cborCid } from '../../src/repo/cid.ts'
import { carSection } from '../../src/repo/car/writeCar.ts'
import { SectionReader } from '../../src/repo/car/sectionReader.ts'
import { nextTid } from '../../src/repo/tid.ts'
import { recordOf, treeOf } from '../data.ts'

export type Action = 'create' | 'update' | 'delete'

/** The header of a request, before its blocks. CIDs are in hex. */
export interface Head {
  readonly rev: string
  readonly root: string
  readonly data: string
  /** Of an import: the records' paths, in the order of the tree. */
  readonly paths?: readonly string[]
  /** Of a commit: path, record and the record that was there. */
  readonly ops?: readonly (readonly [string, string | null, string | null])[]
  readonly dropped?: readonly string[]
  /** The CIDs to read. */
  readonly cids?: readonly string[]
}

const hex = (cid: Cid): string => Buffer.from(cid.bytes).toString('hex')

export const message = (head: object, sections: readonly Uint8Array[] = []): Buffer => {
  const text = Buffer.from(JSON.stringify(head))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(text.length)
  return Buffer.concat([length, text, ...sections])
}

const DID = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'

/** A commit of the right size. Its signature is not checked. */
const commitOf = (data: Cid) => {
  const rev = nextTid(Date.now())
  const bytes = encode({ did: DID, version: 3, data, rev, prev: null, sig: new Uint8Array(randomBytes(64)) })
  return { rev, cid: cborCid(bytes), bytes }
}

const read = (section: Uint8Array): { cid: Cid; bytes: Uint8Array } => {
  const reader = new SectionReader(section)
  reader.next()
  return {
    cid: decodeCid(section.slice(reader.cidAt, reader.blockAt)),
    bytes: section.subarray(reader.blockAt, reader.end),
  }
}

/** The input of every schema: one tree, and the same commits on top of it. */
export interface Stream {
  readonly cids: readonly string[]
  readonly whole: Buffer
  commits(): AsyncGenerator<{ action: Action; head: Head; body: Buffer }, void, void>
}

/** A repository of `size` records; then single creates, updates and deletes as `plan` has them. */
export const streamOf = (size: number, plan: readonly Action[]): Stream => {
  const tree = treeOf(size)
  const blocks = tree.sections.map(read)
  const first = commitOf(tree.data)
  const place = { rev: first.rev, root: hex(first.cid), data: hex(tree.data) }
  const whole = message({ ...place, paths: tree.paths }, [
    carSection(first.cid, first.bytes),
    ...tree.sections,
  ])

  async function* commits() {
    const stored = new BlockMap(blocks.map(({ cid, bytes }) => [cid, bytes] as const))
    let last = first
    let mst: MST = MST.load(new MemoryBlockstore(stored), tree.data)
    for (const [n, action] of plan.entries()) {
      // New records are the last in their collections; changed and deleted ones are anywhere, each only once.
      const { collection, rkey, value } = recordOf(size + n)
      const path = action === 'create' ? `${collection}/${rkey}` : (tree.paths[(n * 7919) % size] ?? '')
      const block = encode({ ...value, n } as Parameters<typeof encode>[0]) // As in `plant`.
      const cid = action === 'delete' ? null : cborCid(block)
      const prev = await mst.get(path)
      let next: MST
      if (cid === null) next = await mst.delete(path)
      else next = action === 'create' ? await mst.add(path, cid) : await mst.update(path, cid)
      const data = await next.getPointer()
      const diff = await DataDiff.of(next, mst)
      const commit = commitOf(data)
      const added = [commit, ...diff.newMstBlocks.entries(), ...(cid ? [{ cid, bytes: block }] : [])]
      const head: Head = {
        ...{ rev: commit.rev, root: hex(commit.cid), data: hex(data) },
        ops: [[path, cid && hex(cid), prev && hex(prev)]],
        dropped: [last.cid, ...diff.removedCids.toList()].map(hex),
      }
      yield {
        action,
        head,
        body: message(
          head,
          added.map(({ cid, bytes }) => carSection(cid, bytes)),
        ),
      }
      ;[mst, last] = [next, commit]
    }
  }
  return { cids: blocks.map(({ cid }) => hex(cid)), whole, commits }
}
