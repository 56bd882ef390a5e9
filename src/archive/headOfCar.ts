import { createReadStream } from 'node:fs'
import { CarError } from '../repo/car/carError.ts'
import { readCar } from '../repo/car/readCar.ts'
import { CommitError, parseCommit } from '../repo/commit.ts'
import { ArchiveError } from './archiveError.ts'

/** The commit of a CAR file, unverified. */
export const readHeadOfCar = async (
  file: string,
): Promise<{ did: string; rev: string; commit: string; data: string }> => {
  try {
    const car = await readCar(createReadStream(file), { total: Infinity })
    const [root] = car.roots
    try {
      for await (const { cid, bytes } of car) {
        if (!root?.equals(cid)) continue
        const { did, rev, data } = parseCommit(bytes)
        return { did, rev, commit: cid.toString(), data: data.toString() }
      }
    } finally {
      await car.cancel()
    }
    throw new ArchiveError('BadFile', `${file} does not have the commit that it names`)
  } catch (cause) {
    if (!(cause instanceof CarError) && !(cause instanceof CommitError)) throw cause
    throw new ArchiveError('BadFile', `${file} does not verify: ${cause.message}`)
  }
}
