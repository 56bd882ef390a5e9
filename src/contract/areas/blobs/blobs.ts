import { isObject } from '../../../isObject.ts'
import { formatTid } from '../../../repo/tid.ts'
import { type Asking, inWords, NoAnswer } from '../../ask.ts'
import { NOWHERE } from '../../discover.ts'
import { type Area, type Place, type Problem, type Rule, type Run, Unclear } from '../../types.ts'
import { exportOf } from '../repository/exportOf.ts'
import type { BlobUse } from '../repository/readTree.ts'
import { type Repository, unlessWritten } from '../repository/repositoryTypes.ts'
import { GET_BLOB } from './getBlob.ts'
import { checkServed } from './servedChecks.ts'
import { type BlobList, LIST_BLOBS, listBlobs } from './listBlobs.ts'
import { blobRules as rules } from './rules.ts'

const RULES = Object.values(rules)
const MAX_SAMPLE = 8

/** The blobs that the account's records refer to. */
interface Referenced extends Pick<Repository, 'did' | 'root'> {
  readonly rev: string
  readonly blobs: ReadonlyMap<string, BlobUse>
}

/** Undefined, with a reason, where the repository is not known. */
async function readReferences(run: Run): Promise<Referenced | string> {
  try {
    const { judged } = await exportOf(run)
    const { root, commit, tree } = judged ?? {}
    if (!root || !commit || !tree || tree.problem !== undefined || tree.missing !== undefined)
      return 'the repository could not be read, so that it is not known which blobs there are'
    return { did: run.found.known.did, root: root.toString(), rev: commit.rev, blobs: tree.blobs }
  } catch (cause) {
    if (cause instanceof NoAnswer) return cause.message
    throw cause
  }
}

const examples = (what: string, cids: readonly string[]): Problem =>
  cids.length === 0 ? undefined : `${cids.length} ${what}, such as ${cids[0]}`

async function checkLists(run: Run, referenced: Referenced): Promise<void> {
  const { did, rev, blobs } = referenced
  const place: Place = { subject: LIST_BLOBS, case: 'all blobs' }
  let list: BlobList | undefined
  /** Asked once: by the first expectation, so that its requests are with it. */
  const all = async (ask: Asking): Promise<BlobList> => {
    list ??= await listBlobs(ask, did)
    if (list.problem !== undefined && list.cids.size === 0) throw new Error(list.problem)
    return list
  }
  await run.expect(rules.listed, place, async (ask) => {
    const { cids, isWhole } = await all(ask)
    if (!isWhole) throw new Unclear(`the list does not end within ${cids.size} blobs`)
    // What looks like a reference in the old form may be something else.
    const due = [...blobs].flatMap(([cid, { legacy }]) => (legacy ? [] : [cid]))
    const missing = due.filter((cid) => !cids.has(cid))
    return unlessWritten(ask, referenced, examples('blobs of records are not listed', missing))
  })
  await run.expect(rules.referenced, place, async (ask) => {
    const { cids } = await all(ask)
    const foreign = [...cids].filter((cid) => !blobs.has(cid))
    return unlessWritten(ask, referenced, examples('blobs are listed that no record refers to', foreign))
  })
  await run.expect(rules.listedOnce, place, async (ask) => {
    const { repeated, problem } = await all(ask)
    return problem ?? examples('blobs are listed twice', repeated)
  })
  await run.expect(rules.since, { subject: LIST_BLOBS, case: 'since the latest revision' }, async (ask) => {
    const { cids, problem } = await listBlobs(ask, did, rev)
    return problem ?? unlessWritten(ask, referenced, examples('blobs are listed', [...cids]))
  })
  await run.expect(rules.since, { subject: LIST_BLOBS, case: 'since the beginning' }, async (ask) => {
    const { cids } = await all(ask)
    const { cids: found, problem, isWhole } = await listBlobs(ask, did, formatTid(0))
    if (!isWhole && problem === undefined) throw new Unclear('the list does not end')
    const missing = [...cids].filter((cid) => !found.has(cid))
    return problem ?? unlessWritten(ask, referenced, examples('blobs are missing', missing))
  })
}

/** A few blobs, of different types where there are some: first what a browser would run, if it were served wrongly. */
function sampleBlobs({ blobs }: Referenced): [string, BlobUse][] {
  const byType = Map.groupBy(
    [...blobs].filter(([, { legacy }]) => !legacy),
    ([, { mimeTypes }]) => [...mimeTypes][0] ?? '',
  )
  const risk = (type: string): number => (/html|svg|xml|script/.test(type) ? 0 : 1)
  const kinds = [...byType].toSorted(([a], [b]) => risk(a) - risk(b)).map(([, entries]) => entries)
  const rounds = Array.from({ length: MAX_SAMPLE }, (_, round) =>
    kinds.flatMap((entries) => entries.slice(round, round + 1)),
  )
  return rounds.flat().slice(0, MAX_SAMPLE)
}

const isRefusal = (status: number): boolean => status >= 400 && status < 500

const refuses =
  (did: string, cid: string) =>
  async (ask: Asking): Promise<Problem> => {
    const answer = await ask(GET_BLOB, { query: { did, cid } })
    return isRefusal(answer.status) ? undefined : inWords(answer)
  }

/** Another account of the server. */
async function otherAccount(run: Run): Promise<string | undefined> {
  const { json } = await run.ask('com.atproto.sync.listRepos', { query: { limit: '10' } })
  const repos = isObject(json) && Array.isArray(json['repos']) ? json['repos'].filter(isObject) : []
  const other = repos.find(({ did, active }) => did !== run.found.known.did && active !== false)
  return typeof other?.['did'] === 'string' ? other['did'] : undefined
}

async function checkRefusals(run: Run, { did }: Referenced, cid: string | undefined): Promise<void> {
  const subject = GET_BLOB
  const expected = 'an error of the client'
  await run.expect(
    rules.missing,
    { subject, case: 'a blob that does not exist', expected },
    refuses(did, NOWHERE.blob),
  )
  const elsewhere = { subject, case: 'of an account that is not here', expected }
  if (cid === undefined) return run.unclear(rules.otherAccount, elsewhere, 'the account has no blobs')
  await run.expect(rules.otherAccount, elsewhere, refuses(NOWHERE.did, cid))
  const other = run.serves('com.atproto.sync.listRepos') ? await otherAccount(run) : undefined
  if (other !== undefined)
    await run.expect(
      rules.otherAccount,
      { subject, case: 'of another account here', expected },
      async (ask) => {
        const problem = await refuses(other, cid)(ask)
        if (problem === undefined) return undefined
        const { cids } = await listBlobs(ask, other)
        return cids.has(cid) ? undefined : problem
      },
    )
}

/** The blobs of an account: their lists, and their bytes. */
export const blobs: Area = {
  name: 'blobs',
  rules: RULES,
  requests: () => 40,
  async check(run) {
    if (!run.serves(GET_BLOB)) return run.absent('blobs', GET_BLOB)
    const giveUp = (some: readonly Rule[], reason: string): void => {
      for (const rule of some)
        run.unclear(rule, { subject: GET_BLOB, case: 'the blobs of an account' }, reason)
    }
    if (!run.found.has.has('did')) return giveUp(RULES, 'no account of the server is known')
    const referenced = await readReferences(run)
    if (typeof referenced === 'string') return giveUp(RULES, referenced)
    if (run.serves(LIST_BLOBS)) await checkLists(run, referenced)
    const sample = sampleBlobs(referenced)
    await checkServed(run, referenced.did, sample)
    await checkRefusals(run, referenced, sample[0]?.[0])
  },
}
