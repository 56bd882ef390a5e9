import { inWords } from '../../ask.ts'
import { NOWHERE } from '../../discover.ts'
import type { Rule, Run } from '../../types.ts'
import { APPLY, COLLECTION, CREATE, DELETE, isRefused, LEXICON, PUT, writeRule, type Owner } from './owner.ts'

const swapCommit = writeRule(
  'swap-commit',
  'A write for another commit than the latest is refused, and writes nothing.',
  `${LEXICON}/repo/putRecord.json: InvalidSwap`,
)
const swapRecord = writeRule(
  'swap-record',
  'A write for another version of the record than the latest is refused, and changes nothing.',
  `${LEXICON}/repo/putRecord.json, deleteRecord.json: swapRecord, InvalidSwap`,
)
const atomic = writeRule(
  'atomic',
  'Of several writes in one applyWrites, either all are done or none.',
  `${LEXICON}/repo/applyWrites.json: a batch transaction`,
)
const validates = writeRule(
  'validates',
  'A record of a known type that breaks its lexicon is refused unless validation is off, and one of an unknown type if it is required.',
  `${LEXICON}/repo/createRecord.json: validate`,
)

export const REFUSALS: readonly Rule[] = [swapCommit, swapRecord, atomic, validates]
export const REFUSAL_KEYS = ['swapped', 'kept', 'whole-1', 'whole-2', 'unknown']

const note = (text: string) => ({ $type: COLLECTION, note: text })
const created = (rkey: string, value: object) => ({
  $type: `${APPLY}#create`,
  collection: COLLECTION,
  rkey,
  value,
})

async function checkSwapCommit(run: Run, owner: Owner): Promise<void> {
  const swap = { swapCommit: NOWHERE.commit }
  const record = note('never')
  const bodies: readonly (readonly [string, object])[] = [
    [PUT, { rkey: 'swapped', record, ...swap }],
    [CREATE, { rkey: 'swapped', record, ...swap }],
    [APPLY, { writes: [created('swapped', record)], ...swap }],
  ]
  for (const [id, body] of bodies)
    await run.expect(swapCommit, { subject: id, case: 'for a commit that never was' }, async (ask) => {
      const answer = await owner.post(ask, id, body)
      if (!isRefused(answer)) return inWords(answer)
      return (await owner.has(ask, 'swapped')) ? 'it was refused, and written' : undefined
    })
}

async function checkSwapRecord(run: Run, owner: Owner): Promise<void> {
  const swap = { rkey: 'kept', swapRecord: NOWHERE.cid }
  await run.expect(swapRecord, { subject: PUT, case: 'for a version that never was' }, async (ask) => {
    const put = await owner.put(ask, 'kept', { note: 'kept' })
    if (put.status !== 200) return inWords(put)
    const answer = await owner.post(ask, PUT, { ...swap, record: note('replaced') })
    return isRefused(answer) ? undefined : inWords(answer)
  })
  await run.expect(swapRecord, { subject: DELETE, case: 'for a version that never was' }, async (ask) => {
    const answer = await owner.post(ask, DELETE, swap)
    if (!isRefused(answer)) return inWords(answer)
    return (await owner.has(ask, 'kept')) ? undefined : 'it was refused, and deleted'
  })
}

const checkAtomic = (run: Run, owner: Owner): Promise<void> =>
  run.expect(atomic, { subject: APPLY, case: 'one good write and one bad' }, async (ask) => {
    const bad = { $type: `${APPLY}#update`, collection: COLLECTION, rkey: 'whole-2', value: note('bad') }
    const answer = await owner.post(ask, APPLY, { writes: [created('whole-1', note('good')), bad] })
    const [first, second] = [await owner.has(ask, 'whole-1'), await owner.has(ask, 'whole-2')]
    // Updating what is not there may mean creating it: then all was done.
    const isWhole = answer.status === 200 ? first && second : !first && !second
    return isWhole ? undefined : `${inWords(answer)}: half of it was written`
  })

async function checkValidation(run: Run, owner: Owner): Promise<void> {
  const collection = 'app.bsky.feed.like'
  const broken = { $type: collection, subject: 'not a reference', createdAt: '2026-01-01T00:00:00.000Z' }
  const tries: readonly (readonly [string, object])[] = [
    ['a broken record of a known type', { collection, record: broken }],
    ['the same, to be validated', { collection, record: broken, validate: true }],
    ['an unknown type, to be validated', { rkey: 'unknown', record: note('unknown'), validate: true }],
  ]
  for (const [name, body] of tries)
    await run.expect(validates, { subject: CREATE, case: name }, async (ask) => {
      const answer = await owner.post(ask, CREATE, body)
      if (answer.status === 200)
        run.stays(`a record that should have been refused: ${JSON.stringify(answer.json)}`)
      return isRefused(answer) ? undefined : inWords(answer)
    })
}

/** Writes that must not be done. */
export async function checkRefusals(run: Run, owner: Owner): Promise<void> {
  await checkSwapCommit(run, owner)
  await checkSwapRecord(run, owner)
  if (run.serves(APPLY)) await checkAtomic(run, owner)
  await checkValidation(run, owner)
}
