import type { Rule } from '../../types.ts'

const STREAM = 'https://atproto.com/specs/event-stream'
const SYNC = 'https://atproto.com/specs/sync'
const LEXICON = 'lexicon com.atproto.sync.subscribeRepos'
/** Relays follow a server that is lived on, and a server that an account has moved to or leaves. */
const ALL = ['source', 'target', 'daily'] as const

const rule = (id: string, level: Rule['level'], source: string, sentence: string): Rule => ({
  id: `firehose.${id}`,
  sentence,
  level,
  source,
  profiles: ALL,
})

export const opens = rule('opens', 'must', STREAM, 'The stream opens for anyone, as a WebSocket.')
export const plainRequest = rule(
  'plain-request',
  'should',
  `${STREAM}; a proxy or a person that asks without an upgrade should learn why nothing comes`,
  'A request without an upgrade is refused with a 4xx status.',
)
export const frames = rule(
  'frames',
  'must',
  `${STREAM}#framing`,
  'Every message is binary and holds a header and a body, two DAG-CBOR objects.',
)
export const sequence = rule(
  'sequence',
  'must',
  `${STREAM}#sequence-numbers`,
  'Sequence numbers are positive and grow from message to message.',
)
export const schema = rule('schema', 'must', LEXICON, 'Every message is as the lexicon says.')
export const replay = rule(
  'replay',
  'must',
  `${STREAM}#sequence-numbers`,
  'With a cursor, everything after it comes, in the same order and with the same bytes each time.',
)
export const futureCursor = rule(
  'future-cursor',
  'must',
  `${STREAM}#sequence-numbers; ${LEXICON}: FutureCursor`,
  'A cursor that lies in the future is answered with the error FutureCursor, and the stream is closed.',
)
export const badCursor = rule(
  'bad-cursor',
  'should',
  LEXICON,
  'A cursor that is not a number is refused, and not taken for another one.',
)
export const commitBlocks = rule(
  'commit-blocks',
  'must',
  `${SYNC}#commit-event-messages`,
  'The blocks of a #commit are a CAR whose root is its commit, with the new records and the nodes that prove them.',
)
export const inverts = rule(
  'inverts',
  'must',
  `${SYNC}#validating-commits: inverting the operations of a #commit on its own blocks arrives at prevData`,
  'The operations of a #commit, inverted, lead from its tree back to prevData.',
)
export const chain = rule(
  'chain',
  'must',
  `${SYNC}#validating-commits`,
  'since and prevData of a #commit are the rev and the tree of the commit before it.',
)
export const syncEvent = rule(
  'sync',
  'must',
  `${SYNC}#sync-event-messages`,
  'The blocks of a #sync hold the signed commit, and nothing else.',
)
export const tellsWrites = rule(
  'tells-writes',
  'must',
  SYNC,
  'Each write comes as one #commit with its operations, its rev and its CIDs, in the order of the writes.',
)
export const sameForAll = rule(
  'same-for-all',
  'must',
  `${STREAM}#sequence-numbers`,
  'Every subscriber gets the same messages with the same numbers.',
)

export const slowReader = rule(
  'slow-reader',
  'must',
  `${STREAM}; ${LEXICON}: ConsumerTooSlow`,
  'A subscriber that pauses gets everything that came meanwhile, in order, or is closed: nothing is left out silently.',
)
export const heldUp = rule(
  'held-up',
  'should',
  'relays of the network read at different speeds; one that hangs must not stop the others',
  'A subscriber that does not read holds up neither the writes nor the other subscribers.',
)

export const RULES: readonly Rule[] = [
  opens,
  plainRequest,
  frames,
  sequence,
  schema,
  replay,
  futureCursor,
  badCursor,
  commitBlocks,
  inverts,
  chain,
  syncEvent,
  tellsWrites,
  sameForAll,
  slowReader,
  heldUp,
]
