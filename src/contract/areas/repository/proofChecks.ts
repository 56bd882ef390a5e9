import type { Cid } from '@atproto/lex-data'
import { indexKey } from '../../../repo/car/indexCar.ts'
import { NodeError, parseNode } from '../../../repo/tree/treeNode.ts'
import { findRecord } from '../../../repo/tree/treeSearch.ts'
import { type Answer, inWords, mediaType } from '../../ask.ts'
import { NOWHERE } from '../../discover.ts'
import type { Problem, Run } from '../../types.ts'
import { readExport, type ReadExport } from './readExport.ts'
import { nameOf, sampleRecords } from './recordChecks.ts'
import { CAR, type Repository, unlessWritten } from './repositoryTypes.ts'
import { repositoryRules as rules } from './rules.ts'

const GET_RECORD = 'com.atproto.sync.getRecord'
const GET_BLOCKS = 'com.atproto.sync.getBlocks'

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** The CAR in an answer, or what is wrong with it. */
async function carOf(answer: Answer): Promise<ReadExport | string> {
  if (answer.status !== 200) return inWords(answer)
  if (mediaType(answer.headers) !== CAR) return `an answer as ${mediaType(answer.headers) || 'nothing'}`
  const car = await readExport(once(answer.bytes), answer.bytes.length + 1)
  return car.error?.message ?? car
}

class MissingNode extends Error {}

/** The record of a path by the nodes of a proof. Throws `MissingNode` or `NodeError` where they do not lead there. */
const findIn = (car: ReadExport, data: Cid, path: string): Cid | undefined =>
  findRecord(data, path, (cid) => {
    const block = car.blocks.get(indexKey(cid))
    if (!block) throw new MissingNode(`the node ${cid.toString()} is missing`)
    return parseNode(block.bytes)
  })

/** What is wrong with a proof that a path has this record, or with `undefined` that it has none. */
async function proofProblem(
  answer: Answer,
  { root, commit }: Repository,
  path: string,
  record: Cid | undefined,
): Promise<Problem> {
  const car = await carOf(answer)
  if (typeof car === 'string') return car
  const [named] = car.roots
  if (!named || !car.blocks.has(indexKey(named)))
    return 'the proof does not have the commit that it names as its root'
  // That commit was verified with the export.
  if (named.toString() !== root)
    return `it proves something of the commit ${named.toString()}, and not of ${root}`
  try {
    const found = findIn(car, commit.data, path)
    if (found?.toString() !== record?.toString())
      return `it proves that ${path} is ${found?.toString() ?? 'not there'}`
  } catch (cause) {
    if (cause instanceof NodeError || cause instanceof MissingNode) return cause.message
    throw cause
  }
  return record && !car.records.has(indexKey(record)) ? 'the record itself is missing' : undefined
}

/** Record keys that come before, between and after those of any repository. */
const ABSENT = ['a.a.a/-', `${NOWHERE.collection}/${NOWHERE.rkey}`, 'zzzz.zzz.zzz/zzzz']

async function checkProofs(run: Run, repository: Repository): Promise<void> {
  const { did, tree } = repository
  if (!run.serves(GET_RECORD)) return
  const sample = sampleRecords(repository, 3)
  if (sample.length === 0)
    run.unclear(rules.presence, { subject: GET_RECORD, case: 'a record' }, 'the account has no records')
  for (const { path, cid } of sample)
    await run.expect(rules.presence, { subject: GET_RECORD, case: path }, async (ask) => {
      const answer = await ask(GET_RECORD, { query: { did, ...nameOf(path) } })
      return unlessWritten(ask, repository, await proofProblem(answer, repository, path, cid))
    })
  const taken = new Set<string>()
  for (const { path } of tree.entries()) if (ABSENT.includes(path)) taken.add(path)
  for (const path of ABSENT.filter((one) => !taken.has(one)))
    await run.expect(rules.absence, { subject: GET_RECORD, case: `not there: ${path}` }, async (ask) => {
      const answer = await ask(GET_RECORD, { query: { did, ...nameOf(path) } })
      return unlessWritten(ask, repository, await proofProblem(answer, repository, path, undefined))
    })
}

/** What differs between the blocks that came and those that were asked for. */
const blocksProblem = (car: ReadExport, cids: readonly string[], keys: readonly string[]): Problem => {
  const came = new Set([...car.blocks.keys(), ...car.records.keys()])
  const missing = cids.filter((_, index) => !came.has(keys[index] ?? ''))
  if (missing.length > 0) return `${missing.join(', ')} did not come`
  if (came.size > new Set(keys).size) return `${came.size} blocks came, and not ${new Set(keys).size}`
  return car.repeated > 0 ? `${car.repeated} blocks came twice` : undefined
}

async function checkBlocks(run: Run, repository: Repository): Promise<void> {
  const { did, root, commit } = repository
  if (!run.serves(GET_BLOCKS)) return
  const records = sampleRecords(repository, 3).map(({ cid }) => cid)
  const cids = [commit.data, ...records]
  const texts = [...new Set([root, ...cids.map((cid) => cid.toString())])]
  await run.expect(rules.blocks, { subject: GET_BLOCKS, case: 'commit, node and records' }, async (ask) => {
    const car = await carOf(await ask(GET_BLOCKS, { query: { did, cids: texts } }))
    const keys = [repository.rootKey, ...cids.map(indexKey)]
    return unlessWritten(
      ask,
      repository,
      typeof car === 'string' ? car : blocksProblem(car, texts, [...new Set(keys)]),
    )
  })
  for (const [name, asked] of [
    ['a block that does not exist', [NOWHERE.cid]],
    ['one that exists and one that does not', [root, NOWHERE.cid]],
  ] as const)
    await run.expect(
      rules.blocksMissing,
      { subject: GET_BLOCKS, case: name, expected: 'an error of the client' },
      async (ask) => {
        const answer = await ask(GET_BLOCKS, { query: { did, cids: [...asked] } })
        return answer.status >= 400 && answer.status < 500 ? undefined : inWords(answer)
      },
    )
}

/** What is proven about single records, and blocks by their CIDs. */
export async function checkProofsAndBlocks(run: Run, repository: Repository): Promise<void> {
  await checkProofs(run, repository)
  await checkBlocks(run, repository)
}
