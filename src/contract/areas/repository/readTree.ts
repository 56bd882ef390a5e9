import type { Cid } from '@atproto/lex-data'
import type { BlobReference } from '../../../repo/blobRefs.ts'
import { indexKey } from '../../../repo/car/indexCar.ts'
import type { Commit } from '../../../repo/commit.ts'
import { type Due, TreeWalk, WalkError } from '../../../repo/tree/treeWalk.ts'
import type { ReadExport, ReadRecord } from './readExport.ts'

/** A record of a tree. */
export interface TreeEntry {
  /** `collection/rkey`. */
  readonly path: string
  readonly cid: Cid
  /** Undefined where the block is missing. */
  readonly record: ReadRecord | undefined
}

/** How the records of a repository speak of a blob. */
export interface BlobUse {
  /** One of the records. */
  readonly path: string
  readonly mimeTypes: ReadonlySet<string>
  readonly sizes: ReadonlySet<number>
  /** Whether only references in the form from before the `blob` type name it. */
  readonly legacy: boolean
}

/** The tree of a commit, as far as a CAR has it. What is wrong is in words; what is right is undefined. */
export interface ReadTree {
  /** It cannot be walked on from here. */
  readonly problem?: string
  readonly missing: string | undefined
  readonly superfluous: string | undefined
  readonly disorder: string | undefined
  readonly badRecords: string | undefined
  readonly otherTypes: string | undefined
  /** How many records each collection has. */
  readonly collections: ReadonlyMap<string, number>
  readonly blobs: ReadonlyMap<string, BlobUse>
  /** Walks the tree again. In ascending order. */
  entries(): Generator<TreeEntry, void, void>
}

const NO_BYTES = new Uint8Array()
const MAX_EXAMPLES = 3

/** Counts what is wrong, and keeps a few examples. */
const createTally = (what: string) => {
  const examples: string[] = []
  let count = 0
  return {
    add(example: string) {
      count++
      if (examples.length < MAX_EXAMPLES) examples.push(example)
    },
    text: (): string | undefined =>
      count === 0
        ? undefined
        : `${count} ${what}: ${examples.join(', ')}${count > examples.length ? ', …' : ''}`,
  }
}

const collectionOf = (path: string): string => path.slice(0, path.indexOf('/'))

type MutableUse = BlobUse & { mimeTypes: Set<string>; sizes: Set<number>; legacy: boolean }

const noteBlob = (
  blobs: Map<string, MutableUse>,
  path: string,
  { cid, mimeType, size, legacy }: BlobReference,
): void => {
  const key = cid.toString()
  const use = blobs.get(key) ?? { path, mimeTypes: new Set<string>(), sizes: new Set<number>(), legacy: true }
  use.mimeTypes.add(mimeType)
  if (size !== undefined) use.sizes.add(size)
  blobs.set(key, { ...use, legacy: use.legacy && legacy })
}

/** Walks the tree of a commit through the blocks of these CARs: the first one that has a block gives it. */
function* walkTree(cars: readonly ReadExport[], commit: Commit): Generator<Due, void, void> {
  const tree = new TreeWalk(commit.data)
  for (let due = tree.due; due; due = tree.due) {
    yield due
    if (due.kind === 'record') tree.take(NO_BYTES)
    else {
      const key = indexKey(due.link.cid)
      const block = cars.map(({ blocks }) => blocks.get(key)).find((found) => found !== undefined)
      if (block) tree.take(block.bytes)
      else tree.skip()
    }
  }
}

/**
 * Reads the tree of a commit from its CAR. `others` may have what is not in it: what is in the CAR of an earlier
 * revision does not come again in one since that revision.
 */
export function readTree(car: ReadExport, commit: Commit, others: readonly ReadExport[] = []): ReadTree {
  const cars = [car, ...others]
  const missing = createTally('blocks are missing')
  const bad = createTally('records are not what records can be')
  const wrongType = createTally('records have another $type')
  const collections = new Map<string, number>()
  const blobs = new Map<string, MutableUse>()
  const reached = new Set<string>()
  let disorder: string | undefined
  let next = 1
  let problem: string | undefined

  const find = (key: string) =>
    cars
      .map(({ blocks, records }) => blocks.get(key) ?? records.get(key))
      .find((found) => found !== undefined)
  const visit = (due: Due): void => {
    const key = indexKey(due.link.cid)
    const found = find(key)
    const path = due.kind === 'record' ? due.key : ''
    if (due.kind === 'record') {
      const collection = collectionOf(path)
      collections.set(collection, (collections.get(collection) ?? 0) + 1)
    }
    if (!found) return missing.add(due.kind === 'record' ? `record ${path}` : `node ${due.link.toString()}`)
    if (!reached.has(key)) {
      reached.add(key)
      if (found.at !== next++) disorder ??= `${path || 'a node'} is block ${found.at}, and not ${next - 1}`
    }
    if (due.kind === 'node') {
      if ('blobs' in found) problem ??= `tree node ${due.link.toString()} is not a node`
      return
    }
    if (!('blobs' in found)) return bad.add(`${path} (a node of a tree)`)
    if (found.problem !== undefined) bad.add(`${path} (${found.problem})`)
    else if (found.type !== collectionOf(path)) wrongType.add(`${path} (${found.type})`)
    for (const blob of found.blobs) noteBlob(blobs, path, blob)
  }
  try {
    for (const due of walkTree(cars, commit)) visit(due)
  } catch (cause) {
    if (!(cause instanceof WalkError)) throw cause
    problem ??= cause.message
  }
  const root = car.roots[0] && indexKey(car.roots[0])
  const commitBlock = root === undefined ? undefined : car.blocks.get(root)
  if (commitBlock && commitBlock.at !== 0)
    disorder = `the commit is block ${commitBlock.at}, and not the first`
  const needed = [...reached].filter(isIn(car)).length + (commitBlock ? 1 : 0)
  const foreign = car.blocks.size + car.records.size - needed
  const superfluous = [
    ...(foreign > 0 ? [`${foreign} blocks that the commit does not need`] : []),
    ...(car.repeated > 0 ? [`${car.repeated} blocks that come again`] : []),
  ].join(', ')
  return {
    ...(problem !== undefined && { problem }),
    missing: missing.text(),
    superfluous: superfluous || undefined,
    disorder,
    badRecords: bad.text(),
    otherTypes: wrongType.text(),
    collections,
    blobs,
    *entries() {
      for (const due of walkTree(cars, commit)) {
        if (due.kind === 'node') continue
        const { cid } = due.link
        const found = find(indexKey(cid))
        yield { path: due.key, cid, record: found && 'blobs' in found ? found : undefined }
      }
    },
  }
}

const isIn =
  ({ blocks, records }: ReadExport) =>
  (key: string): boolean =>
    blocks.has(key) || records.has(key)
