import { readCar } from '../../../repo/car/readCar.ts'
import type { LexiconSet } from '../../lexicon/lexiconSet.ts'
import {
  checkCommit,
  checkSync,
  type About,
  type CommitEvent,
  type Standing,
  WrongEvent,
} from './inductive.ts'
import { SUBSCRIBE, type Frame } from './stream.ts'

const inWords = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** What breaks the lexicon in a message. */
export function schemaProblem(frame: Frame, { lexicons }: Pick<LexiconSet, 'lexicons'>): string | undefined {
  try {
    lexicons.assertValidXrpcMessage(SUBSCRIBE, { ...frame.body, $type: `${SUBSCRIBE}${frame.type}` })
    return undefined
  } catch (cause) {
    return `${frame.type} with seq ${frame.seq}: ${inWords(cause)}`
  }
}

/** Throws what is wrong with a CAR, before it is given to what would hold whatever it declares. */
async function requireBounded(blocks: unknown): Promise<void> {
  if (!(blocks instanceof Uint8Array)) return
  const car = await readCar(new Blob([new Uint8Array(blocks)]).stream(), { total: blocks.length })
  for await (const _ of car.runs());
}

export interface EventProblem {
  readonly about: About
  readonly what: string
}

/** What a consumer finds wrong with a #commit or #sync, and where the repository stands after it. */
export async function judgeEvent(
  { type, seq, body }: Frame,
  before: Standing | undefined,
  didKey?: string,
): Promise<{ problem?: EventProblem; after?: Standing }> {
  try {
    await requireBounded(body['blocks'])
    // The lexicon is asked first: the fields are there, and of these types.
    if (type === '#commit')
      return { after: await checkCommit(body as unknown as CommitEvent, before, didKey) }
    if (type === '#sync')
      return {
        after: await checkSync(body as unknown as { did: string; rev: string; blocks: Uint8Array }, didKey),
      }
    return {}
  } catch (cause) {
    const about = cause instanceof WrongEvent ? cause.about : 'blocks'
    return { problem: { about, what: `${type} with seq ${seq}: ${inWords(cause)}` } }
  }
}
