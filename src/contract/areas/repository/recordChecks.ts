import { isObject } from '../../../isObject.ts'
import { NOWHERE } from '../../discover.ts'
import { type Asking, inWords } from '../../ask.ts'
import type { Problem, Run } from '../../types.ts'
import type { TreeEntry } from './readTree.ts'
import { recordCid } from './recordCid.ts'
import { type Repository, unlessWritten } from './repositoryTypes.ts'
import { repositoryRules as rules } from './rules.ts'
import { inText } from '../../inText.ts'

const LIST = 'com.atproto.repo.listRecords'
const GET = 'com.atproto.repo.getRecord'
const MAX_COLLECTIONS = 20
/** Of a larger collection, the first pages are compared. */
const MAX_PAGES = 20
const PAGE = 100
const MAX_RECORDS = 5

interface Listed {
  readonly uri: string
  readonly cid: unknown
  readonly value: unknown
}

interface Listing {
  readonly records: readonly Listed[]
  /** Whether the end was reached. */
  readonly whole: boolean
  readonly problem?: string
}

async function listAll(
  ask: Asking,
  repo: string,
  collection: string,
  { reverse = false, pages = MAX_PAGES } = {},
): Promise<Listing> {
  const records: Listed[] = []
  let cursor: string | undefined
  for (let page = 0; page < pages; page++) {
    const query = {
      repo,
      collection,
      limit: String(PAGE),
      ...(reverse && { reverse: 'true' }),
      ...(cursor !== undefined && { cursor }),
    }
    const answer = await ask(LIST, { query })
    if (answer.status !== 200 || !isObject(answer.json) || !Array.isArray(answer.json['records']))
      return { records, whole: false, problem: inWords(answer) }
    const found = answer.json['records'].filter(isObject)
    for (const { uri, cid, value } of found) records.push({ uri: inText(uri), cid, value })
    const { cursor: next } = answer.json
    if (typeof next !== 'string' || found.length === 0) return { records, whole: true }
    if (next === cursor) return { records, whole: false, problem: `the cursor ${next} comes again` }
    cursor = next
  }
  return { records, whole: false }
}

const examples = (what: string, uris: readonly string[]): Problem =>
  uris.length === 0 ? undefined : `${uris.length} ${what}, such as ${uris[0]}`

/** The value of a listed record does not have its CID. */
const hasOtherValue = ({ cid, value }: Listed): boolean => {
  try {
    return recordCid(value) !== cid
  } catch {
    return true
  }
}

function compareListing({ did, tree }: Repository, collection: string, listing: Listing): Problem {
  if (listing.problem !== undefined) return listing.problem
  const listed = new Map(listing.records.map((record) => [record.uri, record]))
  const unlisted: string[] = []
  const otherCid: string[] = []
  const malformed = new Set<string>()
  const inTree = new Set<string>()
  for (const { path, cid, record } of tree.entries()) {
    if (!path.startsWith(`${collection}/`)) continue
    const uri = `at://${did}/${path}`
    const found = listed.get(uri)
    if (!found) {
      if (listing.whole) unlisted.push(uri)
      continue
    }
    inTree.add(uri)
    if (found.cid !== cid.toString()) otherCid.push(uri)
    // What the data model does not allow has no JSON that says the same.
    if (record?.problem !== undefined) malformed.add(uri)
  }
  const uris = [...listed.keys()]
  return (
    examples(
      'records are listed that the tree does not have',
      uris.filter((uri) => !inTree.has(uri)),
    ) ??
    examples('records of the tree are not listed', unlisted) ??
    examples('records are listed with another CID', otherCid) ??
    (listed.size < listing.records.length ? 'records are listed twice' : undefined) ??
    examples(
      'values do not have the CID that is listed with them',
      listing.records.filter((one) => !malformed.has(one.uri) && hasOtherValue(one)).map(({ uri }) => uri),
    )
  )
}

/** Where the order is first broken. */
const orderProblem = (records: readonly Listed[], isBefore: (a: string, b: string) => boolean): Problem => {
  for (const [index, { uri }] of records.entries()) {
    const next = records[index + 1]?.uri
    if (next !== undefined && !isBefore(uri, next)) return `${next} comes after ${uri}`
  }
  return undefined
}

async function checkCollections(run: Run, repository: Repository): Promise<void> {
  const { did, tree } = repository
  if (!run.serves(LIST)) return
  const collections = [...tree.collections.keys()].slice(0, MAX_COLLECTIONS)
  const place = { subject: LIST, case: 'every collection' }
  if (collections.length === 0)
    for (const rule of [rules.recordsListed, rules.recordsOrder])
      run.unclear(rule, place, 'the account has no records')
  for (const collection of collections) {
    const where = { subject: LIST, case: `all of ${collection}` }
    await run.expect(rules.recordsListed, where, async (ask) =>
      unlessWritten(
        ask,
        repository,
        compareListing(repository, collection, await listAll(ask, did, collection)),
      ),
    )
  }
  // The largest collection says most about the order.
  const [largest] = [...tree.collections].toSorted(([, a], [, b]) => b - a)
  if (!largest) return
  for (const reverse of [false, true])
    await run.expect(
      rules.recordsOrder,
      { subject: LIST, case: reverse ? 'in reverse' : 'the newest first' },
      async (ask) => {
        const { records, problem } = await listAll(ask, did, largest[0], { reverse, pages: 1 })
        return problem ?? orderProblem(records, (a, b) => (reverse ? a < b : a > b))
      },
    )
}

/** A few records, of different collections where there are some. */
export function sampleRecords({ tree }: Pick<Repository, 'tree'>, most = MAX_RECORDS): TreeEntry[] {
  const byCollection = new Map<string, TreeEntry[]>()
  for (const entry of tree.entries()) {
    if (entry.record === undefined || entry.record.problem !== undefined) continue
    const collection = entry.path.slice(0, entry.path.indexOf('/'))
    const known = byCollection.get(collection) ?? []
    if (known.length < most) byCollection.set(collection, [...known, entry])
  }
  const rounds = Array.from({ length: most }, (_, round) =>
    [...byCollection.values()].flatMap((entries) => entries.slice(round, round + 1)),
  )
  return rounds.flat().slice(0, most)
}

/** The query that names a record. */
export const nameOf = (path: string): { collection: string; rkey: string } => {
  const slash = path.indexOf('/')
  return { collection: path.slice(0, slash), rkey: path.slice(slash + 1) }
}

function recordProblem(answer: Awaited<ReturnType<Asking>>, uri: string, cid: string): Problem {
  if (answer.status !== 200 || !isObject(answer.json)) return inWords(answer)
  const { uri: said, cid: saidCid, value } = answer.json
  if (said !== uri) return `the URI ${inText(said)}, and not ${uri}`
  if (saidCid !== cid) return `the CID ${inText(saidCid)}, and not ${cid}`
  return hasOtherValue({ uri, cid, value }) ? `a value that does not have the CID ${cid}` : undefined
}

async function checkSample(run: Run, repository: Repository): Promise<void> {
  const { did } = repository
  if (!run.serves(GET)) return
  const sample = sampleRecords(repository)
  if (sample.length === 0)
    for (const rule of [rules.record, rules.recordVersion])
      run.unclear(rule, { subject: GET, case: 'a record' }, 'the account has no records')
  for (const { path, cid } of sample)
    await run.expect(rules.record, { subject: GET, case: path }, async (ask) => {
      const answer = await ask(GET, { query: { repo: did, ...nameOf(path) } })
      return unlessWritten(ask, repository, recordProblem(answer, `at://${did}/${path}`, cid.toString()))
    })
  const [first] = sample
  if (!first) return
  const query = { repo: did, ...nameOf(first.path) }
  await run.expect(rules.recordVersion, { subject: GET, case: 'its own version' }, async (ask) => {
    const cid = first.cid.toString()
    const answer = await ask(GET, { query: { ...query, cid } })
    return unlessWritten(ask, repository, recordProblem(answer, `at://${did}/${first.path}`, cid))
  })
  await run.expect(
    rules.recordVersion,
    { subject: GET, case: 'a version that does not exist', expected: 'an error of the client' },
    async (ask) => {
      const answer = await ask(GET, { query: { ...query, cid: NOWHERE.cid } })
      return answer.status >= 400 && answer.status < 500 ? undefined : inWords(answer)
    },
  )
}

/** What is said about single records, and lists of them. */
export async function checkRecords(run: Run, repository: Repository): Promise<void> {
  await checkCollections(run, repository)
  await checkSample(run, repository)
}
