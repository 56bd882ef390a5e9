import { Buffer } from 'node:buffer'
import { CarError } from '../../../repo/car/carError.ts'
import { readCar } from '../../../repo/car/readCar.ts'
import { SectionReader } from '../../../repo/car/sectionReader.ts'
import { CommitError, parseCommit } from '../../../repo/commit.ts'
import { PullError } from './pullError.ts'

/**
 * Refuses what is not this account's repository before all of it is here: throws a PullError. The rest is verified later.
 * `sender` is who sends it, for the message.
 */
export const checkBeginning = async (bytes: Uint8Array, did: string, sender: string): Promise<void> => {
  const refuse = (error: string, what: string) => new PullError('Refused', error, `${sender} sends ${what}`)
  const once = async function* () {
    yield bytes
  }
  try {
    const car = await readCar(once(), { paddedLengths: true })
    const { value: run } = await car.runs().next()
    const section = run && new SectionReader(run)
    const [root] = car.roots
    if (!section?.next() || !root) return
    // The commit need not come first.
    if (!Buffer.from(root.bytes).equals(section.bytes.subarray(section.cidAt, section.blockAt))) return
    const commit = parseCommit(section.content.slice())
    if (commit.did !== did) throw refuse('WrongDid', `the repository of ${commit.did}, not of ${did}`)
  } catch (cause) {
    if (cause instanceof CarError && cause.code === 'TruncatedCar') return
    if (cause instanceof CarError || cause instanceof CommitError)
      throw refuse(cause.code, `what is not a repository: ${cause.message}`)
    throw cause
  }
}
