import type { Cid } from '@atproto/lex-data'
import type { Sections } from '../../repo/section.ts'
import { RepoError, verifyRepo } from '../../repo/verify.ts'
import { type Blocks, cidKey } from '../blocks.ts'
import type { Head } from '../head.ts'
import type { ImportParts } from './parts.ts'
import { PackWriter } from '../store/packWriter.ts'
import type { Course } from './course.ts'
import type { Staged } from './receive.ts'

// Records after which others get their turn.
const SLICE = 500

/** The verified tree, written as a pack that nobody reads yet. */
export interface Verified {
  commit: { data: Cid; rev: string }
  writer: PackWriter
  records: number
  /** `cid path`, sorted: only records with blobs cost memory here. */
  references: string[]
  /** Records that several paths hold. */
  repeated: Map<string, { cid: Cid; paths: number }>
}

/** Verifies what was staged, from the commit down to the last record, and writes the tree as a pack on the way. */
export const verify = async (
  { sql, blocks, did, platform }: ImportParts,
  { root, from, made, staging }: Staged,
  { signingKey, course }: { signingKey: string | readonly string[]; course: Course },
): Promise<Verified> => {
  const writer = new PackWriter(sql, blocks.seed)
  const age = ageOf(blocks, from, made)
  const section = (cid: Cid): Sections | undefined => {
    const staged = staging.section(cid)
    if (staged) return staged
    // Not sent, because it is here: the CAR may be of what is new only.
    const here = blocks.find(cid.bytes)?.section
    if (here) staging.add(here.bytes.subarray(here.start, here.end))
    return here && staging.section(cid)
  }
  const write = (cid: Cid): void => {
    const { bytes, start, cid: at, end } = section(cid) ?? lost(cid)
    writer.add(bytes, start, at, end, age(cid))
  }
  const read = (cid: Cid): Uint8Array | undefined => {
    const found = section(cid)
    return found?.bytes.subarray(found.block, found.end)
  }
  course.note({ phase: 'verifying' })
  const repo = await verifyRepo({ root, did, signingKey, read, now: platform.now() })
  course.check()
  const repeated: Verified['repeated'] = new Map()
  const references: string[] = []
  const visit = ({ kind, cid }: { kind: 'node' | 'record'; cid: Cid }): void => {
    const before = staging.see(cid, kind)
    if (before === 'not yet') return write(cid)
    if (before !== kind || kind === 'node')
      throw new RepoError('BadTree', `the block ${cid} stands in the tree twice, as a node`)
    const times = repeated.get(cidKey(cid)) ?? { cid, paths: 1 }
    times.paths++
    repeated.set(cidKey(cid), times)
  }
  visit({ kind: 'node', cid: root })
  for (const { path, blobs } of repo.records(visit)) {
    for (const blob of blobs) references.push(`${blob.cid} ${path}`)
    if (repo.counts.records % SLICE !== 0) continue
    await platform.sleep(0)
    course.check()
    course.note({ records: repo.counts.records })
  }
  references.sort()
  return { commit: repo.commit, writer, records: repo.counts.records, references, repeated }
}

/** The revision that a block counts from: one that has been in the tree all the time keeps its own. */
const ageOf = (blocks: Blocks, from: Head | undefined, made: string): ((cid: Cid) => string) => {
  if (!from) return () => made
  const pack = blocks.packs.current()
  const dropped = blocks.loose.droppedAfter(pack?.loose ?? 0)
  return (cid) => {
    const loose = blocks.loose.find(cid.bytes)
    const recent = loose && loose.n > (pack?.loose ?? 0) ? loose : undefined
    const place = recent ?? (pack && blocks.packs.find(pack, cid.bytes))
    const gone = dropped.get(cidKey(cid)) ?? -1
    return place && gone < place.n ? place.made : made
  }
}

const lost = (cid: Cid): never => {
  throw new Error(`the verified block ${cid} is gone`)
}
