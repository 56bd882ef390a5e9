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
