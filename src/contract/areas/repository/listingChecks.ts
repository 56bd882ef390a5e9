import { isObject } from '../../../isObject.ts'
import { type Asking, inWords } from '../../ask.ts'
import { NOWHERE } from '../../discover.ts'
import { type Place, type Problem, type Run, Unclear } from '../../types.ts'
import { type Repository, unlessWritten } from './repositoryTypes.ts'
import { repositoryRules as rules } from './rules.ts'
import { inText } from '../../inText.ts'

const list = (value: unknown): Record<string, unknown>[] =>
  Array.isArray(value) ? value.filter(isObject) : []

const PAGE = '1000'
/** Of a server with more accounts, not all are looked at. */
const MAX_PAGES = 20

/** The account's entry in a list of all accounts. Undefined if it is not there. */
async function findListed(
  ask: Asking,
  id: string,
  query: Record<string, string>,
  did: string,
): Promise<Record<string, unknown> | string | undefined> {
  let cursor: string | undefined
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer = await ask(id, { query: { ...query, limit: PAGE, ...(cursor && { cursor }) } })
    if (answer.status !== 200 || !isObject(answer.json)) return inWords(answer)
    const repos = list(answer.json['repos'])
    const found = repos.find((repo) => repo['did'] === did)
    if (found) return found
    const { cursor: next } = answer.json
    if (typeof next !== 'string' || next === cursor || repos.length === 0) return undefined
    cursor = next
  }
  throw new Unclear(`${did} is not among the first ${MAX_PAGES * Number(PAGE)} accounts`)
}

const differs = (what: string, said: unknown, is: unknown): Problem =>
  said === is ? undefined : `${what} is ${JSON.stringify(said)}, and not ${JSON.stringify(is)}`

async function checkStatus(run: Run, repository: Repository): Promise<void> {
  const id = 'com.atproto.sync.getRepoStatus'
  if (!run.serves(id)) return
  await run.expect(rules.status, { subject: id, case: 'an active account' }, async (ask) => {
    const answer = await ask(id, { query: { did: repository.did } })
    if (answer.status !== 200 || !isObject(answer.json)) return inWords(answer)
    const { did, active, rev } = answer.json
    const problem =
      differs('did', did, repository.did) ??
      differs('active', active, true) ??
      (rev === undefined ? undefined : differs('rev', rev, repository.commit.rev))
    return unlessWritten(ask, repository, problem)
  })
}

async function checkListRepos(run: Run, repository: Repository): Promise<void> {
  const { did, root, commit } = repository
  const id = 'com.atproto.sync.listRepos'
  if (run.serves(id))
    await run.expect(rules.listed, { subject: id, case: 'the account' }, async (ask) => {
      const found = await findListed(ask, id, {}, did)
      if (typeof found !== 'object') return found ?? `${did} is not listed`
      const problem =
        differs('head', found['head'], root) ??
        differs('rev', found['rev'], commit.rev) ??
        (found['active'] === false ? 'it is listed as not active' : undefined)
      return unlessWritten(ask, repository, problem)
    })
}

/** Methods of relays, which a PDS may have. Where it does not, it may take a request for one to be forwarded. */
async function serves(run: Run, id: string, query: Record<string, string>): Promise<boolean> {
  if (!run.serves(id)) return false
  const { status } = await run.ask(id, { query })
  if (status === 401) run.absent(id)
  return status !== 401
}

async function checkByCollection(run: Run, { did, tree }: Repository): Promise<void> {
  const id = 'com.atproto.sync.listReposByCollection'
  const place: Place = { subject: id, case: 'a collection of the account' }
  const [collection = NOWHERE.collection] = tree.collections.keys()
  if (!(await serves(run, id, { collection }))) return
  if (tree.collections.size === 0)
    return run.unclear(rules.listedByCollection, place, 'the account has no records')
  await run.expect(rules.listedByCollection, place, async (ask) => {
    const found = await findListed(ask, id, { collection }, did)
    return typeof found === 'object' ? undefined : (found ?? `${did} is not listed for ${collection}`)
  })
}

async function checkHostStatus(run: Run): Promise<void> {
  const id = 'com.atproto.sync.getHostStatus'
  const query = { hostname: 'nowhere.example.com' }
  if (!(await serves(run, id, query))) return
  await run.expect(rules.hostStatus, { subject: id, case: 'a host that does not exist' }, async (ask) => {
    const answer = await ask(id, { query })
    return answer.status >= 400 && answer.status < 500 ? undefined : inWords(answer)
  })
}

async function checkDescription(run: Run, repository: Repository): Promise<void> {
  const id = 'com.atproto.repo.describeRepo'
  if (!run.serves(id)) return
  await run.expect(rules.described, { subject: id, case: 'the account' }, async (ask) => {
    const answer = await ask(id, { query: { repo: repository.did } })
    if (answer.status !== 200 || !isObject(answer.json)) return inWords(answer)
    const { did, didDoc, collections } = answer.json
    const said: unknown[] = Array.isArray(collections) ? collections : []
    const inTree = repository.tree.collections
    const more = said.filter((name) => !inTree.has(inText(name)))
    const fewer = [...inTree.keys()].filter((name) => !said.includes(name))
    const problem =
      differs('did', did, repository.did) ??
      differs('didDoc.id', isObject(didDoc) ? didDoc['id'] : undefined, repository.did) ??
      (more.length > 0 ? `it names ${more.join(', ')}, of which there are no records` : undefined) ??
      (fewer.length > 0 ? `it does not name ${fewer.join(', ')}` : undefined) ??
      (new Set(said).size < said.length ? 'it names a collection twice' : undefined)
    return unlessWritten(ask, repository, problem)
  })
}

/** What is said about the account as a whole. */
export async function checkListings(run: Run, repository: Repository): Promise<void> {
  await checkStatus(run, repository)
  await checkListRepos(run, repository)
  await checkByCollection(run, repository)
  await checkHostStatus(run)
  await checkDescription(run, repository)
}
