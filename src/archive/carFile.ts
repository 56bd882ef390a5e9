import { CarError } from '../repo/car/carError.ts'
import { RepoError, verifyRepo } from '../repo/verifyRepo.ts'
import { openCarFile } from './openCarFile.ts'

/** What a CAR file holds, verified down to the last record. */
export interface CarFacts {
  /** CID of the commit. */
  root: string
  rev: string
  /** CID of the tree's root node. */
  data: string
  blocks: number
  records: number
  /** Records by collection. */
  collections: Record<string, number>
  /** CIDs of the blobs that records refer to. */
  blobs: Set<string>
}

/**
 * Reads and verifies a CAR file completely: hashes, signature, tree, records. An index finds the blocks in the file, so
 * that a repository of any size is verified in little memory. Throws CarError or RepoError.
 */
export async function verifyCarFile(
  file: string,
  options: { did: string; signingKey: string | readonly string[]; now: number },
): Promise<CarFacts> {
  const car = await openCarFile(file)
  try {
    const repo = await verifyRepo({ ...options, ...car })
    const collections: Record<string, number> = {}
    const blobs = new Set<string>()
    for (const record of repo.records()) {
      const collection = record.path.slice(0, record.path.indexOf('/'))
      collections[collection] = (collections[collection] ?? 0) + 1
      for (const blob of record.blobs) blobs.add(blob.cid.toString())
    }
    return {
      root: car.root.toString(),
      rev: repo.commit.rev,
      data: repo.commit.data.toString(),
      blocks: car.blocks,
      records: repo.counts.records,
      collections,
      blobs,
    }
  } finally {
    car.close()
  }
}

/** Why a CAR file was refused; undefined if the error is not about its content. */
export const carProblem = (cause: unknown): string | undefined =>
  cause instanceof CarError || cause instanceof RepoError ? `${cause.code}: ${cause.message}` : undefined
