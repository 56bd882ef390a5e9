import type { Rule, Run } from '../../types.ts'
import { judgeEvent, schemaProblem } from './judgeFrame.ts'
import type { About, Standing } from './inductive.ts'
import * as rules from './rules.ts'
import { readFrames, SUBSCRIBE, type Ended, type Frame } from './stream.ts'
import { inText } from '../../inText.ts'

/** Enough to see what a server sends, and nothing that a large one notices. */
const MOST_FRAMES = 200

const RULE_OF: Readonly<Record<About, Rule>> = {
  fields: rules.schema,
  chain: rules.chain,
  blocks: rules.commitBlocks,
  inversion: rules.inverts,
  signature: rules.commitBlocks,
}

const place = (name: string) => ({ subject: SUBSCRIBE, case: name })

/** Messages that tell something: an #info has no number, and is not repeated. */
const numbered = (frames: readonly Frame[]): Frame[] => frames.filter(({ type }) => type !== '#info')

function sequenceProblem(frames: readonly Frame[]): string | undefined {
  let last = 0
  for (const { seq, type } of numbered(frames)) {
    if (seq === undefined || !Number.isSafeInteger(seq)) return `a ${type} whose seq is ${seq}`
    if (seq <= last) return `${type} has seq ${seq} after ${last}`
    last = seq
  }
  return undefined
}

const isSame = (a: Frame, b: Frame | undefined): boolean =>
  b !== undefined && a.bytes.length === b.bytes.length && a.bytes.every((byte, i) => byte === b.bytes[i])

/** Compares what comes after a cursor with what came before. */
function replayProblem(first: readonly Frame[], again: readonly Frame[]): string | undefined {
  for (const [index, frame] of first.entries()) {
    const other = again[index]
    if (!other) return `only ${again.length} of ${first.length} came again`
    if (!isSame(frame, other)) return `instead of seq ${frame.seq} came seq ${other.seq}, or other bytes`
  }
  return undefined
}

/** The events of a replay, account by account: each follows from the one before it. */
async function checkEvents(run: Run, frames: readonly Frame[]): Promise<void> {
  const standing = new Map<string, Standing>()
  const problems = new Map<Rule, string>()
  const tried = new Set<Rule>()
  for (const frame of frames) {
    if (schemaProblem(frame, run.lexicons) !== undefined) continue
    const did = String(frame.body['repo'] ?? frame.body['did'])
    const before = standing.get(did)
    const { problem, after } = await judgeEvent(frame, before)
    if (frame.type === '#commit') {
      for (const rule of [rules.commitBlocks, rules.inverts]) tried.add(rule)
      if (before) tried.add(rules.chain)
    } else if (frame.type === '#sync') tried.add(rules.syncEvent)
    if (problem) {
      const rule = frame.type === '#sync' ? rules.syncEvent : RULE_OF[problem.about]
      if (!problems.has(rule)) problems.set(rule, problem.what)
      tried.add(rule)
    }
    // An import or a deactivation begins a new chain.
    if (after) standing.set(did, after)
    else if (frame.type === '#account' || problem) standing.delete(did)
  }
  for (const rule of tried) await run.expect(rule, place('a replay'), async () => problems.get(rule))
  for (const rule of [rules.commitBlocks, rules.inverts, rules.chain, rules.syncEvent])
    if (!tried.has(rule)) run.unclear(rule, place('a replay'), 'no such event was in the replay')
}

/** What a server still has of the past. */
export async function checkReplay(run: Run): Promise<void> {
  let frames: Frame[] = []
  let ended: Ended | undefined
  await run.expect(rules.frames, place('a replay'), async () => {
    ;({ frames, ended } = await readFrames(run, { cursor: '0' }, MOST_FRAMES))
    const error = frames.find(({ op }) => op !== 1)
    if (error) return `an error: ${inText(error.body['error'])}`
    return ended && !ended.silent ? ended.reason : undefined
  })
  const events = numbered(frames)
  if (events.length === 0) {
    for (const rule of [rules.sequence, rules.schema, rules.replay, rules.inverts])
      run.unclear(rule, place('a replay'), 'the server has no events')
    return
  }
  await run.expect(rules.sequence, place('a replay'), async () => sequenceProblem(frames))
  await run.expect(rules.schema, place('a replay'), async () =>
    frames.map((frame) => schemaProblem(frame, run.lexicons)).find((problem) => problem !== undefined),
  )
  const middle = events[Math.floor((events.length - 1) / 2)]
  await run.expect(rules.replay, place('a cursor in the middle'), async () => {
    const rest = events.filter(({ seq = 0 }) => seq > (middle?.seq ?? 0))
    if (rest.length === 0) return undefined
    const again = await readFrames(run, { cursor: String(middle?.seq) }, rest.length)
    return replayProblem(rest, numbered(again.frames))
  })
  await checkEvents(run, events)
}
