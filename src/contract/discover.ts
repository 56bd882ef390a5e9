import { isObject } from '../isObject.ts'
import type { Asking } from './ask.ts'
import { isFormat } from './lexicon/isFormat.ts'

/** What exists on the server under test, so that a valid request also finds something. */
export interface Known {
  readonly did: string
  readonly handle: string
  readonly collection: string
  readonly rkey: string
  /** Of the record. */
  readonly cid: string
  readonly commit: string
  readonly rev: string
  readonly blob: string
}

/** Well-formed names of things that do not exist anywhere. */
export const NOWHERE: Known = {
  did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
  handle: 'nobody.example.com',
  collection: 'app.bsky.feed.post',
  rkey: '3jzfcijpj2z2a',
  cid: 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a',
  commit: 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a',
  rev: '3jzfcijpj2z2a',
  blob: 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku',
}

export interface Found {
  readonly known: Known
  /** Which members of `known` the server really has. */
  readonly has: ReadonlySet<keyof Known>
}

const object = (value: unknown): Record<string, unknown> => (isObject(value) ? value : {})
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
/** Longer texts are in no request. */
const MAX_CHARS = 3000
/** A text of this format: another one would make every request bad that it is put into. */
const text = (value: unknown, format: string): string | undefined =>
  typeof value === 'string' && value.length <= MAX_CHARS && isFormat(format, value) ? value : undefined

/** One that has a record is the first, on any honest server. */
const MAX_COLLECTIONS = 20

/** Finds out, without a credential, what a server has: an account (this one, if given), a record, a blob. */
export async function discover(ask: Asking, did?: string): Promise<Found> {
  const facts: Partial<Record<keyof Known, string | undefined>> = {}
  const read = async (id: string, query: Record<string, string> = {}): Promise<Record<string, unknown>> => {
    // The areas say whether there is an answer at all.
    const answer = await ask(id, { query }).catch(() => undefined)
    return answer?.status === 200 ? object(answer.json) : {}
  }
  const repos = did === undefined ? list((await read('com.atproto.sync.listRepos')).repos).map(object) : []
  const repo = did ?? text((repos.find(({ active }) => active !== false) ?? repos[0])?.did, 'did')
  if (repo === undefined) return { known: NOWHERE, has: new Set() }
  facts.did = repo
  const described = await read('com.atproto.repo.describeRepo', { repo })
  facts.handle = text(described.handle, 'handle')
  const latest = await read('com.atproto.sync.getLatestCommit', { did: repo })
  facts.commit = text(latest.cid, 'cid')
  facts.rev = text(latest.rev, 'tid')
  const { cids } = await read('com.atproto.sync.listBlobs', { did: repo, limit: '1' })
  facts.blob = text(list(cids)[0], 'cid')
  for (const name of list(described.collections).slice(0, MAX_COLLECTIONS)) {
    const collection = text(name, 'nsid')
    if (collection === undefined) continue
    const page = await read('com.atproto.repo.listRecords', {
      repo,
      collection,
      limit: '1',
    })
    const record = object(list(page.records)[0])
    const uri = text(record.uri, 'at-uri')
    if (uri === undefined) continue
    Object.assign(facts, { collection, rkey: uri.split('/').at(-1), cid: text(record.cid, 'cid') })
    break
  }
  const entries = Object.entries(facts).filter(([, value]) => value !== undefined)
  // The keys are those of `facts`.
  return {
    known: { ...NOWHERE, ...Object.fromEntries(entries) },
    has: new Set(entries.map(([key]) => key as keyof Known)),
  }
}
