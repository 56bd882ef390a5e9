import type { SocketConstructor } from '../../../client/subscribe.ts'
import type { JsonObject } from '../../../isObject.ts'
import type { OwnSession, PausableSocket, Run } from '../../types.ts'
import { callAs } from './callAs.ts'
import * as rules from './rules.ts'
import { hasEnded, openStream, OPENING_MS, SUBSCRIBE, type Frame, type Stream } from './stream.ts'

const COLLECTION = 'com.example.contract'
/** Some 8 MB of events: more than what waits in the buffers of the two machines. */
const COMMITS = 80
const RECORDS_IN_COMMIT = 2
/** A server may take no larger JSON than 150 kB. */
const RECORD_TEXT_LENGTH = 50_000

const place = { subject: SUBSCRIBE, case: 'a reader that pauses' }

const keyOf = (commit: number, record: number): string => `slow-${commit}-${record}`

const recordsOf = (commit: number): JsonObject[] =>
  Array.from({ length: RECORDS_IN_COMMIT }, (_, record) => ({
    $type: 'com.atproto.repo.applyWrites#create',
    collection: COLLECTION,
    rkey: keyOf(commit, record),
    value: { $type: COLLECTION, note: `${commit} `.padEnd(RECORD_TEXT_LENGTH, 'x') },
  }))

/** Reads on until a number has come, or no more comes. */
async function readTo(stream: Stream, last: number): Promise<Frame[]> {
  const frames: Frame[] = []
  for (;;) {
    const next = await stream.next()
    if (hasEnded(next)) return frames
    frames.push(next)
    if ((next.seq ?? 0) >= last || next.op === -1) return frames
  }
}

const commitsOf = (frames: readonly Frame[], did: string): Frame[] =>
  frames.filter(({ type, body }) => type === '#commit' && body['repo'] === did)

/** What a slow reader missed without being told. */
export function lossProblem(fast: readonly Frame[], slow: readonly Frame[]): string | undefined {
  const [wanted, got] = [fast, slow].map((frames) =>
    frames.flatMap(({ seq, type }) => (seq === undefined || type === '#info' ? [] : [seq])),
  )
  const gap = (wanted ?? []).findIndex((seq, i) => got?.[i] !== seq)
  if (gap < 0 || wanted === undefined || got === undefined) return undefined
  // The rest is missing: the error says so, and a stream that is closed can be continued.
  if (gap === got.length) return undefined
  return `after ${got[gap - 1] ?? 'nothing'} came ${got[gap]}, and ${wanted[gap]} was left out`
}

async function writeMuch(run: Run, session: OwnSession, written: () => void): Promise<void> {
  for (let commit = 0; commit < COMMITS; commit++) {
    await callAs(run.ask, session, 'com.atproto.repo.applyWrites', {
      repo: session.did,
      validate: false,
      writes: recordsOf(commit),
    })
    written()
  }
}

/** One subscriber does not read while much is written: it loses nothing silently, and holds nobody up. */
export async function checkSlowReader(run: Run): Promise<void> {
  const Pausable = run.deps.PausableSocket
  const session = await run.session()
  if (!Pausable || !session)
    return run.unclear(
      rules.slowReader,
      place,
      Pausable ? 'there is no session' : 'this runtime cannot pause a socket',
    )
  if (!run.applies(rules.slowReader) && !run.applies(rules.heldUp)) return
  let paused: InstanceType<PausableSocket> | undefined
  const Slow = function (url: string) {
    const socket = new Pausable(url)
    socket.addEventListener('open', () => socket.pause())
    paused = socket
    return socket
    // A function that gives an object is a constructor of it.
  } as unknown as SocketConstructor
  const fast = openStream(run, {})
  const slow = openStream({ ...run, deps: { ...run.deps, WebSocket: Slow, patienceMs: PAUSE_MS } }, {})
  let commits = 0
  run.made('the records of the slow reader', async () => {
    const writes = Array.from({ length: commits }, (_, commit) => commit).flatMap((commit) =>
      recordsOf(commit).map(({ collection, rkey }) => ({
        $type: 'com.atproto.repo.applyWrites#delete',
        collection,
        rkey,
      })),
    )
    if (writes.length > 0)
      await callAs(run.ask, session, 'com.atproto.repo.applyWrites', { repo: session.did, writes })
  })
  try {
    await run.deps.sleep(OPENING_MS)
    let read: Frame[] = []
    await run.expect(rules.heldUp, place, async () => {
      const reading = readCommits(fast, session.did)
      await writeMuch(run, session, () => commits++)
      read = await reading
      const own = commitsOf(read, session.did).length
      return own === COMMITS ? undefined : `the other subscriber got ${own} of ${COMMITS} commits`
    })
    const last = read.at(-1)?.seq
    if (last === undefined)
      return run.unclear(rules.slowReader, place, 'nothing came to the other subscriber')
    await run.expect(rules.slowReader, place, async () => {
      paused?.resume()
      return lossProblem(read, await readTo(slow, last))
    })
  } finally {
    fast.close()
    slow.close()
  }
}

/** Until all commits of an account are there. */
async function readCommits(stream: Stream, did: string): Promise<Frame[]> {
  const frames: Frame[] = []
  let commits = 0
  while (commits < COMMITS) {
    const next = await stream.next()
    if (hasEnded(next)) return frames
    frames.push(next)
    commits += commitsOf([next], did).length
  }
  return frames
}

/** A paused socket is silent, and not dead: all the writes take less than this. */
const PAUSE_MS = 300_000
