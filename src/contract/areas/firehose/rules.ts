import { createRule } from '../../createRule.ts'
import type { Rule } from '../../types.ts'

const STREAM = 'https://atproto.com/specs/event-stream'
const SYNC = 'https://atproto.com/specs/sync'
const LEXICON = 'lexicon com.atproto.sync.subscribeRepos'
/** For all profiles: relays follow a server that is lived on, and one that an account has moved to or leaves. */
const rule = createRule('firehose')

export const opens = rule('opens', 'must', 'The stream opens for anyone, as a WebSocket.', STREAM)
export const plainRequest = rule(
  'plain-request',
  'should',
  'A request without an upgrade is refused with a 4xx status.',
  `${STREAM}; a proxy or a person that asks without an upgrade should learn why nothing comes`,
)
export const frames = rule(
  'frames',
  'must',
  'Every message is binary and holds a header and a body, two DAG-CBOR objects.',
  `${STREAM}#framing`,
)
export const sequence = rule(
  'sequence',
  'must',
  'Sequence numbers are positive and grow from message to message.',
  `${STREAM}#sequence-numbers`,
)
export const schema = rule('schema', 'must', 'Every message is as the lexicon says.', LEXICON)
export const replay = rule(
  'replay',
  'must',
  'With a cursor, everything after it comes, in the same order and with the same bytes each time.',
  `${STREAM}#sequence-numbers`,
)
export const futureCursor = rule(
  'future-cursor',
  'must',
  'A cursor that lies in the future is answered with the error FutureCursor, and the stream is closed.',
  `${STREAM}#sequence-numbers; ${LEXICON}: FutureCursor`,
)
export const badCursor = rule(
  'bad-cursor',
  'should',
  'A cursor that is not a number is refused, and not taken for another one.',
  LEXICON,
)
export const commitBlocks = rule(
  'commit-blocks',
  'must',
  'The blocks of a #commit are a CAR whose root is its commit, with the new records and the nodes that prove them.',
  `${SYNC}#commit-event-messages`,
)
export const inverts = rule(
  'inverts',
  'must',
  'The operations of a #commit, inverted, lead from its tree back to prevData.',
  `${SYNC}#validating-commits: inverting the operations of a #commit on its own blocks arrives at prevData`,
)
export const chain = rule(
  'chain',
  'must',
  'since and prevData of a #commit are the rev and the tree of the commit before it.',
  `${SYNC}#validating-commits`,
)
export const syncEvent = rule(
  'sync',
  'must',
  'The blocks of a #sync hold the signed commit, and nothing else.',
  `${SYNC}#sync-event-messages`,
)
export const tellsWrites = rule(
  'tells-writes',
  'must',
  'Each write comes as one #commit with its operations, its rev and its CIDs, in the order of the writes.',
  SYNC,
)
export const sameForAll = rule(
  'same-for-all',
  'must',
  'Every subscriber gets the same messages with the same numbers.',
  `${STREAM}#sequence-numbers`,
)

export const slowReader = rule(
  'slow-reader',
  'must',
  'A subscriber that pauses gets everything that came meanwhile, in order, or is closed: nothing is left out silently.',
  `${STREAM}; ${LEXICON}: ConsumerTooSlow`,
)
export const heldUp = rule(
  'held-up',
  'should',
  'A subscriber that does not read holds up neither the writes nor the other subscribers.',
  'relays of the network read at different speeds; one that hangs must not stop the others',
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
