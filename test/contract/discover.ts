import type { Asking } from './ask.ts'
import { NOWHERE, type Known } from './sample.ts'

export interface Found {
  known: Known
  /** Which members of `known` the server really has. */
  has: Set<keyof Known>
}

type Json = Record<string, unknown>

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null
const object = (value: unknown): Json => (isObject(value) ? value : {})
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

/** Finds out, without a credential, what a server has: an account, a record, a blob. */
export async function discover(ask: Asking, did?: string): Promise<Found> {
  const facts: Partial<Known> = {}
  const read = async (id: string, query: Record<string, string> = {}): Promise<Json> => {
    // The cases say whether there is an answer at all.
    const answer = await ask(id, { query }).catch(() => undefined)
    return answer?.status === 200 ? object(answer.json) : {}
  }
  const repos = list((await read('com.atproto.sync.listRepos')).repos).map(object)
  const repo = did ?? text((repos.find(({ active }) => active !== false) ?? repos[0])?.did)
  if (repo === undefined) return { known: NOWHERE, has: new Set() }
  facts.did = repo
  const described = await read('com.atproto.repo.describeRepo', { repo })
  facts.handle = text(described.handle)
  const latest = await read('com.atproto.sync.getLatestCommit', { did: repo })
  facts.commit = text(latest.cid)
  facts.rev = text(latest.rev)
  facts.blob = text(list((await read('com.atproto.sync.listBlobs', { did: repo, limit: '1' })).cids)[0])
  for (const collection of list(described.collections)) {
    const page = await read('com.atproto.repo.listRecords', {
      repo,
      collection: String(collection),
      limit: '1',
    })
    const record = object(list(page.records)[0])
    const uri = text(record.uri)
    if (uri === undefined) continue
    Object.assign(facts, {
      collection: String(collection),
      rkey: uri.split('/').at(-1),
      cid: text(record.cid),
    })
    break
  }
  const entries = Object.entries(facts).filter(([, value]) => value !== undefined)
  // The keys are those of `facts`.
  return {
    known: { ...NOWHERE, ...Object.fromEntries(entries) },
    has: new Set(entries.map(([key]) => key as keyof Known)),
  }
}
