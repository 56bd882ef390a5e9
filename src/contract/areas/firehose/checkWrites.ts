import { isObject, type JsonObject } from '../../../isObject.ts'
import type { Asking } from '../../ask.ts'
import type { OwnSession, Run } from '../../types.ts'
import { callAs } from './callAs.ts'
import { judgeEvent, schemaProblem } from './judgeFrame.ts'
import type { Standing } from './inductive.ts'
import * as rules from './rules.ts'
import { hasEnded, openStream, OPENING_MS, SUBSCRIBE, type Frame, type Stream } from './stream.ts'

const COLLECTION = 'com.example.contract'
const RKEY = 'firehose'

interface Told {
  readonly action: string
  readonly cid: string | null
  readonly rev: string
}

const revOf = ({ commit }: JsonObject): string => String(isObject(commit) ? commit['rev'] : undefined)

/** Creates, replaces and deletes a record, and gives what the events must tell. */
async function write(ask: Asking, session: OwnSession): Promise<Told[]> {
  const at = { repo: session.did, collection: COLLECTION, rkey: RKEY }
  const record = (note: string) => ({ record: { $type: COLLECTION, note }, validate: false })
  const told: Told[] = []
  const steps = [
    ['create', 'com.atproto.repo.createRecord', record('one')],
    ['update', 'com.atproto.repo.putRecord', record('two')],
    ['delete', 'com.atproto.repo.deleteRecord', {}],
  ] as const
  for (const [action, id, more] of steps) {
    const answer = await callAs(ask, session, id, { ...at, ...more })
    told.push({ action, cid: action === 'delete' ? null : String(answer['cid']), rev: revOf(answer) })
  }
  return told
}

/** The next commits of an account, and all that came between. */
async function commitsOf(stream: Stream, did: string, count: number): Promise<Frame[]> {
  const commits: Frame[] = []
  while (commits.length < count) {
    const next = await stream.next()
    if (hasEnded(next)) throw new Error(`${commits.length} of ${count} commits came: ${next.reason}`)
    if (next.type === '#commit' && next.body['repo'] === did) commits.push(next)
  }
  return commits
}

function tellProblem(frames: readonly Frame[], told: readonly Told[]): string | undefined {
  for (const [index, { action, cid, rev }] of told.entries()) {
    const body = frames[index]?.body ?? {}
    const ops = Array.isArray(body['ops']) ? body['ops'] : []
    const [op] = ops
    if (ops.length !== 1 || !isObject(op)) return `the ${action} came with ${ops.length} operations`
    const got = { action: op['action'], path: op['path'], cid: op['cid'] === null ? null : String(op['cid']) }
    const expected = { action, path: `${COLLECTION}/${RKEY}`, cid }
    if (JSON.stringify(got) !== JSON.stringify(expected))
      return `the ${action} came as ${JSON.stringify(got)}, not ${JSON.stringify(expected)}`
    // A server may leave the commit out of its answer.
    if (rev !== 'undefined' && body['rev'] !== rev)
      return `the ${action} came with rev ${body['rev']}, not ${rev}`
  }
  return undefined
}

/** The account's writes, as two subscribers get them. */
export async function checkWrites(run: Run): Promise<void> {
  const session = await run.session()
  const place = { subject: SUBSCRIBE, case: 'three writes' }
  if (!session) return run.unclear(rules.tellsWrites, place, 'there is no session')
  const streams = [openStream(run, {}), openStream(run, {})]
  let commits: Frame[] = []
  try {
    // Both are open before the first write.
    await run.deps.sleep(OPENING_MS)
    await run.expect(rules.tellsWrites, place, async (ask) => {
      const told = await write(ask, session)
      const [first] = streams
      commits = first ? await commitsOf(first, session.did, told.length) : []
      return tellProblem(commits, told)
    })
    if (commits.length === 0) return
    await run.expect(rules.sameForAll, place, async () => {
      const [, second] = streams
      const others = second ? await commitsOf(second, session.did, commits.length) : []
      const differs = commits.findIndex(({ bytes }, i) => String(bytes) !== String(others[i]?.bytes))
      return differs < 0 ? undefined : `message ${differs + 1} differs`
    })
  } finally {
    for (const stream of streams) stream.close()
  }
  let standing: Standing | undefined
  const [about, schemas]: [Map<string, string>, string[]] = [new Map(), []]
  for (const frame of commits) {
    const broken = schemaProblem(frame, run.lexicons)
    if (broken !== undefined) schemas.push(broken)
    const { problem, after } = await judgeEvent(frame, standing)
    if (problem && !about.has(problem.about)) about.set(problem.about, problem.what)
    standing = after
  }
  await run.expect(rules.schema, place, async () => schemas[0] ?? about.get('fields'))
  await run.expect(rules.commitBlocks, place, async () => about.get('blocks'))
  await run.expect(rules.inverts, place, async () => about.get('inversion'))
  await run.expect(rules.chain, place, async () => about.get('chain'))
}
