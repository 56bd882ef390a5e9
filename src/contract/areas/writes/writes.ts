import { isObject } from '../../../isObject.ts'
import { inWords } from '../../ask.ts'
import { type Area, type Problem, type Run, Unclear } from '../../types.ts'
import { exportContext, fetchExport } from '../repository/exportOf.ts'
import { judgeExport } from '../repository/judgeExport.ts'
import { readTree } from '../repository/readTree.ts'
import { recordCid } from '../repository/recordCid.ts'
import { ODD_RECORDS } from './oddRecords.ts'
import { COLLECTION, createOwner, GET, LEXICON, PUT, writeRule, type Owner } from './owner.ts'
import { checkRefusals, REFUSAL_KEYS, REFUSALS } from './refusals.ts'
import { checkUploads, UPLOAD_KEYS, UPLOAD_RULES } from './uploads.ts'
import { inText } from '../../inText.ts'

const GET_REPO = 'com.atproto.sync.getRepo'

const roundTrip = writeRule(
  'round-trip',
  'A record that the data model allows is kept as it is: its CID is that of what was sent, and it is read as it was written.',
  'https://atproto.com/specs/data-model',
)
const since = writeRule(
  'since',
  'An export since an earlier revision completes the export of that revision.',
  `${LEXICON}/sync/getRepo.json: a diff since a previous revision`,
)
const exportDuring = writeRule(
  'export-during',
  'An export that is made while records are written is that of one commit, whole and signed.',
  'https://atproto.com/specs/repository#car-file-serialization; a backup must not depend on its moment',
)
const RULES = [roundTrip, ...REFUSALS, ...UPLOAD_RULES, since, exportDuring]

async function checkRoundTrips(run: Run, owner: Owner): Promise<void> {
  for (const { name, rkey, record } of ODD_RECORDS)
    await run.expect(roundTrip, { subject: PUT, case: name }, async (ask) => {
      const sent = recordCid({ $type: COLLECTION, ...record })
      const put = await owner.put(ask, rkey, record)
      if (put.status !== 200 || !isObject(put.json)) return inWords(put)
      if (put.json['cid'] !== sent) return `the CID ${inText(put.json['cid'])}, and not ${sent}`
      const got = await ask(GET, { query: { repo: owner.did, collection: COLLECTION, rkey } })
      if (got.status !== 200 || !isObject(got.json)) return inWords(got)
      return recordCid(got.json['value']) === sent ? undefined : 'it is read with another value'
    })
}

async function checkSince(run: Run, owner: Owner): Promise<void> {
  const { did } = owner
  await run.expect(since, { subject: GET_REPO, case: 'since an earlier revision' }, async (ask) => {
    const { car: earlier } = await fetchExport(run, ask, { did })
    const before = earlier && (await judgeExport(earlier, await exportContext(run)))
    if (!earlier || !before?.commit) throw new Unclear('the export could not be read')
    for (const rkey of ['first', 'second']) await owner.put(ask, rkey, { text: rkey })
    const { car, answer } = await fetchExport(run, ask, { did, since: before.commit.rev })
    const { car: whole } = await fetchExport(run, ask, { did })
    const now = whole && (await judgeExport(whole, await exportContext(run)))
    if (!car || car.error) return car?.error?.message ?? inWords(answer)
    if (!now?.commit) throw new Unclear('the export could not be read')
    const { problem, missing } = readTree(car, now.commit, [earlier])
    return problem ?? missing
  })
}

async function checkExportDuring(run: Run, owner: Owner): Promise<void> {
  const { did } = owner
  await run.expect(exportDuring, { subject: GET_REPO, case: 'three at once' }, async (ask) => {
    const write = async (): Promise<Problem> => {
      for (let i = 0; i < 10; i++) await owner.put(ask, 'during', { i })
      return undefined
    }
    const read = async (): Promise<Problem> => {
      const { car, answer } = await fetchExport(run, ask, { did })
      if (!car) return inWords(answer)
      const { verdicts } = await judgeExport(car, await exportContext(run))
      const broken = verdicts.find((one) => one.rule.level === 'must' && one.problem !== undefined)
      return broken && `${broken.rule.id}: ${broken.problem}`
    }
    const problems = await Promise.all([write(), read(), read(), read()])
    return problems.find((problem) => problem !== undefined)
  })
}

/** What an owner writes is there as it was written. Only in a run that may write. */
export const writes: Area = {
  name: 'writes',
  rules: RULES,
  requests: ({ write }) => (write ? 90 : 0),
  async check(run) {
    if (!run.write || !run.serves(PUT)) return
    const session = await run.session()
    if (!session) {
      for (const one of RULES)
        run.unclear(one, { subject: PUT, case: 'any record' }, 'the server refuses to sign in')
      return
    }
    const owner = createOwner(session)
    const rkeys = [
      ...ODD_RECORDS.map(({ rkey }) => rkey),
      ...REFUSAL_KEYS,
      ...UPLOAD_KEYS,
      'first',
      'second',
      'during',
    ]
    run.made(`the records of ${COLLECTION}`, async () => {
      for (const rkey of rkeys) {
        const answer = await owner.remove(run.ask, rkey)
        if (answer.status !== 200) throw new Error(`deleteRecord of ${rkey}: ${inWords(answer)}`)
      }
    })
    await checkRoundTrips(run, owner)
    await checkRefusals(run, owner)
    await checkUploads(run, owner)
    await checkSince(run, owner)
    await checkExportDuring(run, owner)
  },
}
