import { isObject, type JsonObject } from '../../../isObject.ts'
import { inWords, type Ask } from '../../ask.ts'
import { asOwner, postAsOwner } from '../asOwner.ts'
import { fieldsOf, notDone } from '../fieldsOf.ts'
import { createRule } from '../../createRule.ts'
import type { Area, OwnSession, Problem, Rule, Run } from '../../types.ts'
import { checkHouseCalls, HOUSE_CALLS } from './houseCalls.ts'
import { notRefused } from './refusals.ts'
import { inText } from '../../inText.ts'

const rule = createRule('calls', ['target', 'daily'])

const works = rule(
  'works',
  'must',
  'A valid call of the owner is answered 200.',
  "the method's lexicon; https://atproto.com/specs/xrpc#summary-of-http-status-codes",
)
const swap = rule(
  'swap',
  'must',
  'A write that expects the record as it was before the latest write is refused, and writes nothing.',
  'the lexicons of com.atproto.repo: swapRecord, InvalidSwap',
)
const swapName = rule(
  'swap-name',
  'should',
  'The refusal is InvalidSwap, after which a client reads again and tries again.',
  'the lexicons of com.atproto.repo, which declare it; @atproto/api upsertProfile tries again on this name only',
)
const deletesAgain = rule(
  'deletes-again',
  'must',
  'Deleting a record that is not there is answered 200.',
  'lexicon com.atproto.repo.deleteRecord: "or ensure it doesn\'t exist"',
)
const unknownField = rule(
  'unknown-fields',
  'should',
  'A field that the lexicon does not have changes nothing.',
  'https://atproto.com/specs/lexicon#lexicon-evolution: newer clients send fields that an older server does not know',
)

const CREATE = 'com.atproto.repo.createRecord'
const PUT = 'com.atproto.repo.putRecord'
const DELETE = 'com.atproto.repo.deleteRecord'
const APPLY = 'com.atproto.repo.applyWrites'
const GET = 'com.atproto.repo.getRecord'
const GET_PREFERENCES = 'app.bsky.actor.getPreferences'
const PUT_PREFERENCES = 'app.bsky.actor.putPreferences'

const POST = 'app.bsky.feed.post'

const rkeyOf = (fields: JsonObject): string => inText(fields['uri']).split('/').at(-1) ?? ''
const post = (text: string): JsonObject => ({
  $type: POST,
  text,
  createdAt: '2026-01-01T00:00:00.000Z',
})

interface Owner {
  readonly run: Run
  readonly did: string
  /** Calls a procedure, expects 200, and gives the fields of the answer. */
  call(id: string, name: string, body: JsonObject, of?: Rule): Promise<JsonObject>
  send(id: string, body: JsonObject): [string, Ask]
  readonly headers: Record<string, string>
}

function createOwner(run: Run, session: OwnSession): Owner {
  const { did } = session
  const { headers } = asOwner(session)
  const send = (id: string, body: JsonObject): [string, Ask] => [id, postAsOwner(session, body)]
  return {
    run,
    did,
    headers,
    send,
    async call(id, name, body, of = works) {
      let fields: JsonObject = {}
      if (run.serves(id))
        await run.expect(of, { subject: id, case: name, expected: '200' }, async (ask) => {
          const answer = await ask(...send(id, body))
          fields = fieldsOf(answer)
          return notDone(answer)
        })
      return fields
    },
  }
}

/** Registers that a record is deleted at the end, whatever happens before. */
function removeAtEnd({ run, did, send }: Owner, fields: JsonObject): void {
  const { uri } = fields
  if (typeof uri !== 'string') return
  const [collection, rkey] = uri.split('/').slice(-2)
  run.made(`the record ${uri}`, async () => {
    const answer = await run.ask(...send(DELETE, { repo: did, collection, rkey }))
    if (answer.status !== 200) throw new Error(inWords(answer))
  })
}

/** One record: written, read, replaced, not replaced, deleted. */
async function checkRecord(owner: Owner): Promise<void> {
  const { run, did, call, send } = owner
  const at = { repo: did, collection: POST }
  const created = await call(CREATE, 'creates a record', { ...at, record: post('created') })
  if (typeof created['uri'] !== 'string') return
  removeAtEnd(owner, created)
  const rkey = rkeyOf(created)
  const isThere = async (ask: Run['ask'], text: string, cid: unknown): Promise<Problem> => {
    const answer = await ask(GET, { query: { ...at, rkey } })
    const fields = fieldsOf(answer)
    const value = isObject(fields['value']) ? fields['value'] : {}
    if (answer.status !== 200 || value['text'] !== text) return `${inWords(answer)}: ${inText(value['text'])}`
    return fields['cid'] === cid ? undefined : `the CID ${inText(fields['cid'])}, not ${inText(cid)}`
  }
  if (run.serves(PUT)) {
    const swapRecord = created['cid']
    const replaced = await call(PUT, 'replaces it', { ...at, rkey, record: post('replaced'), swapRecord })
    await run.expect(swap, { subject: PUT, case: 'what is no longer there' }, async (ask) => {
      const late = await ask(...send(PUT, { ...at, rkey, record: post('too late'), swapRecord }))
      const problem = notRefused(late)
      if (problem === undefined)
        run.judge(
          swapName,
          { subject: PUT, case: 'what is no longer there' },
          late.error === 'InvalidSwap' ? undefined : inWords(late),
          [late],
        )
      return problem ?? (await isThere(ask, 'replaced', replaced['cid']))
    })
  }
  await call(DELETE, 'deletes it', { ...at, rkey })
  await call(DELETE, 'deletes it again', { ...at, rkey }, deletesAgain)
}

/** Several writes in one, with a field that no lexicon has. */
async function checkWrites(owner: Owner): Promise<void> {
  const { did, call } = owner
  const texts = ['one', 'two']
  const applied = await call(
    APPLY,
    'applies two creations',
    {
      repo: did,
      contractSuiteUnknown: 1,
      writes: texts.map((text) => ({ $type: `${APPLY}#create`, collection: POST, value: post(text) })),
    },
    unknownField,
  )
  const results = Array.isArray(applied['results']) ? applied['results'].filter(isObject) : []
  for (const result of results) removeAtEnd(owner, result)
  if (results.length > 0)
    await call(APPLY, 'applies their deletions', {
      repo: did,
      writes: results.map((result) => ({
        $type: `${APPLY}#delete`,
        collection: POST,
        rkey: rkeyOf(result),
      })),
    })
}

/** The preferences, put back as they are. */
async function checkPreferences(owner: Owner): Promise<void> {
  const { run, call, headers } = owner
  if (!run.serves(GET_PREFERENCES)) return
  const answer = await run.ask(GET_PREFERENCES, { headers })
  const { preferences } = fieldsOf(answer)
  if (answer.status === 200 && Array.isArray(preferences))
    await call(PUT_PREFERENCES, 'puts the preferences back as they are', { preferences })
}

/** What the owner does with success: only in a run that may write, and all of it is removed at its end. */
export const calls: Area = {
  name: 'calls',
  rules: [works, swap, swapName, deletesAgain, unknownField, ...HOUSE_CALLS],
  requests: (run) => (run.write ? 30 : 0),
  async check(run) {
    if (!run.write) return
    const session = await run.session()
    if (!session)
      return run.unclear(works, { subject: CREATE, case: 'creates a record' }, 'there is no session')
    const owner = createOwner(run, session)
    await checkRecord(owner)
    await checkWrites(owner)
    await checkPreferences(owner)
    await checkHouseCalls(run, session)
  },
}
