import { isObject } from '../../../isObject.ts'
import { inWords, type Asking, type Query } from '../../ask.ts'
import type { LexiconSet, Method, Schema } from '../../lexicon/lexiconSet.ts'
import { createRule } from '../../createRule.ts'
import type { Area, Problem, Run } from '../../types.ts'
import { Unclear } from '../../types.ts'
import { createMethodRequests, type Caller, type MethodRequests } from './methodRequests.ts'
import { mustBeJudged } from './refusals.ts'
import { whyClosed } from './whyClosed.ts'

const SPEC = 'https://atproto.com/specs/xrpc#cursors-and-pagination'

const rule = createRule('paging')

const limit = rule('limit', 'must', 'A page has no more items than its limit.', "the method's lexicon")
const walk = rule(
  'walk',
  'must',
  'Read page by page, every item comes once and none twice, in the order of a longer page.',
  `${SPEC}; relays, backups and migration tools lose what is left out`,
)
const end = rule('end', 'must', 'Paging ends: with a page without a cursor, or an empty one.', SPEC)
const madeUp = rule(
  'any-cursor',
  'must',
  'A cursor that the server did not give does not make it fail.',
  SPEC,
)

/** As many items are read in pages of each of these sizes. */
const ITEMS = 6
const SIZES = [1, 2, 3]
/** A list that is not longer than what is read ends within so many more pages. */
const PAGES_TO_END = 3

interface List {
  readonly method: Method
  /** The member of the answer that holds the items. */
  readonly member: string
}

/** The lists among queries: they take a limit and a cursor, and answer with an array and a cursor. */
function listOf(method: Method, set: LexiconSet): List | undefined {
  const { limit: size, cursor } = method.params
  if (method.kind !== 'query' || size?.type !== 'integer' || cursor?.type !== 'string') return undefined
  let schema: Schema | undefined = method.output?.schema
  if (schema?.type === 'ref') schema = set.resolve(schema.ref ?? '')
  if (!schema?.properties?.['cursor']) return undefined
  const arrays = Object.entries(schema.properties).filter(([, { type }]) => type === 'array')
  const [first] = arrays.toSorted(
    ([a], [b]) => Number(schema.required?.includes(b)) - Number(schema.required?.includes(a)),
  )
  return first && { method, member: first[0] }
}

/** What tells an item from the others: the rest of it may change between two pages. */
const identity = (item: unknown): string => {
  if (!isObject(item)) return JSON.stringify(item)
  for (const key of ['uri', 'did', 'cid', 'id', 'name', 'rkey'])
    if (typeof item[key] === 'string') return item[key]
  return JSON.stringify(item)
}

interface Page {
  readonly items: readonly string[]
  readonly cursor: string | undefined
}

interface Reader {
  page(ask: Asking, query: Query, reuse?: boolean): Promise<Page>
}

const createReader = (requests: MethodRequests, { method, member }: List, caller: Caller): Reader => ({
  async page(ask, query, reuse = false) {
    const asked = { ...requests.query(method), ...query }
    const answer = await ask(method.id, { ...requests.valid(method, caller.headers, asked), reuse })
    mustBeJudged(answer)
    if (answer.status !== 200 || !isObject(answer.json)) {
      // The first page is judged by other rules.
      if (query['cursor'] === undefined) throw new Unclear(`the list can not be read: ${inWords(answer)}`)
      throw new Error(inWords(answer))
    }
    const { [member]: list, cursor } = answer.json
    return {
      items: Array.isArray(list) ? list.map(identity) : [],
      // An empty one is none, as clients take it.
      cursor: typeof cursor === 'string' && cursor !== '' ? cursor : undefined,
    }
  },
})

/** Reads page by page until `count` items have come, or the list ends. */
async function readPages(ask: Asking, reader: Reader, size: number, count: number) {
  const items: string[] = []
  let cursor: string | undefined
  let pages = 0
  do {
    const query = { limit: String(size), ...(cursor === undefined ? {} : { cursor }) }
    const page = await reader.page(ask, query, cursor === undefined)
    pages += 1
    if (page.items.length > size) throw new Error(`${page.items.length} items with limit=${size}`)
    items.push(...page.items)
    cursor = page.cursor
    if (page.items.length === 0) break
  } while (cursor !== undefined && items.length < count && pages < count + PAGES_TO_END)
  return { items: items.slice(0, count), cursor }
}

const difference = (whole: readonly string[], read: readonly string[]): Problem => {
  const twice = read.find((item, index) => read.indexOf(item) !== index)
  if (twice !== undefined) return `${twice} came twice`
  const missing = whole.find((item) => !read.includes(item))
  if (missing !== undefined) return `${missing} did not come`
  const other = read.findIndex((item, index) => item !== whole[index])
  return other === -1 ? undefined : `${read[other]} came in place of ${whole[other]}`
}

async function checkList(run: Run, requests: MethodRequests, list: List, caller: Caller): Promise<void> {
  const subject = list.method.id
  const reader = createReader(requests, list, caller)
  const most = list.method.params['limit']?.maximum ?? ITEMS
  const count = Math.min(ITEMS, most)
  await run.expect(limit, { subject, case: 'limit=1' }, async (ask) => {
    const { items } = await reader.page(ask, { limit: '1' }, true)
    return items.length <= 1 ? undefined : `${items.length} items with limit=1`
  })
  for (const size of SIZES.filter((one) => one < count))
    await run.expect(walk, { subject, case: `pages of ${size}` }, async (ask) => {
      const attempt = async (reuse: boolean): Promise<Problem> => {
        const whole = await reader.page(ask, { limit: String(count) }, reuse)
        if (whole.items.length === 0) throw new Unclear('the list is empty')
        if (whole.items.length <= size && size > 1) throw new Unclear('the list has one page')
        const read = await readPages(ask, reader, size, whole.items.length)
        return difference(whole.items, read.items)
      }
      // What was written meanwhile may have come in between.
      return (await attempt(true)) && (await attempt(false))
    })
  await run.expect(end, { subject, case: 'to the end' }, async (ask) => {
    let { items, cursor } = await reader.page(ask, { limit: String(count) }, true)
    for (let pages = 0; cursor !== undefined && items.length > 0; pages++) {
      if (items.length >= count && pages === 0) {
        const rest = await reader.page(ask, { limit: String(most), cursor })
        if (rest.items.length >= most) throw new Unclear('the list is too long to be read to its end')
        ;({ items, cursor } = rest)
        continue
      }
      if (pages > PAGES_TO_END) return `a cursor again and again, after ${pages} pages`
      ;({ items, cursor } = await reader.page(ask, { limit: String(most), cursor }))
    }
    return undefined
  })
  await run.expect(madeUp, { subject, case: 'a made-up cursor' }, async (ask) => {
    const query = { ...requests.query(list.method), limit: '1', cursor: 'contract-suite' }
    const answer = await ask(subject, requests.valid(list.method, caller.headers, query))
    mustBeJudged(answer)
    return answer.status < 500 ? undefined : inWords(answer)
  })
}

/** Lists, read page by page. */
export const paging: Area = {
  name: 'paging',
  rules: [limit, walk, end, madeUp],
  requests: (run) => run.lexicons.methods.filter((method) => listOf(method, run.lexicons)).length * 18,
  async check(run) {
    const requests = createMethodRequests(run)
    for (const method of requests.methods) {
      const list = listOf(method, run.lexicons)
      if (!list) continue
      const caller = await requests.caller(method)
      if (caller) await checkList(run, requests, list, caller)
      else run.unclear(walk, { subject: method.id, case: 'pages' }, whyClosed(run, method.id))
    }
  },
}
