import { type Check, fail, pass, warn } from '../check.ts'
import { type BlobsFound, type BlobsOptions, checkBlobs } from './checkBlobs.ts'
import type { Side } from './readRepo.ts'

export interface MissingOptions {
  readonly did: string
  readonly source: Side | undefined
  /** CIDs of blobs that the owner has agreed to leave behind. */
  readonly left: readonly string[]
  /** What was found on the target, of so many blobs that its records refer to. */
  readonly found: BlobsFound
  readonly referenced: number
  readonly signal: AbortSignal
  readonly wait?: BlobsOptions['wait']
}

const RERUN = 'run `pds move` again: it goes on where it stopped, and copies only what is missing'

/** What is missing on the target, divided by whether anything can be done about it. */
export async function checkMissing(options: MissingOptions): Promise<Check> {
  const { did, source, left, found, referenced, signal, wait } = options
  const { problems } = found
  const named = (cids: readonly string[]) => `${cids.slice(0, 5).join(', ')}${cids.length > 5 ? ' …' : ''}`
  const open = [...problems.keys()].filter((cid) => !left.includes(cid))
  if (problems.size === 0) return pass('blobs', `all ${referenced} blobs that records refer to are there`)
  const atSource =
    source &&
    (await checkBlobs({ did, client: source.client, cids: open, hashed: new Set(open), signal, wait }))
  const lost = open.filter((cid) => atSource?.problems.get(cid) === 'missing')
  const movable = open.filter((cid) => !lost.includes(cid))
  if (movable.length > 0) {
    const why = [...new Set(movable.map((cid) => problems.get(cid)))].join(', ')
    return fail('blobs', `${movable.length} of ${referenced} blobs (${why}): ${named(movable)}`, RERUN)
  }
  return warn(
    'blobs',
    lost.length > 0
      ? `${lost.length} of ${referenced} blobs neither side has: ${named(lost)}`
      : `${problems.size} of ${referenced} blobs were left behind, as agreed: ${named([...problems.keys()])}`,
    'if you have the files, post them again; else delete the records that show them',
  )
}
