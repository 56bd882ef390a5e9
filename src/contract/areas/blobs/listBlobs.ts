import { isObject } from '../../../isObject.ts'
import { type Asking, inWords } from '../../ask.ts'
import { inText } from '../../inText.ts'

export const LIST_BLOBS = 'com.atproto.sync.listBlobs'
const PAGE = 500
/** Of an account with more blobs, not all are listed. */
const MAX_PAGES = 40

export interface BlobList {
  readonly cids: ReadonlySet<string>
  /** Whether the end was reached. */
  readonly isWhole: boolean
  readonly repeated: readonly string[]
  /** Why the list could not be read on. */
  readonly problem?: string
}

/** Lists the blobs of an account, page by page. */
export async function listBlobs(ask: Asking, did: string, since?: string): Promise<BlobList> {
  const cids = new Set<string>()
  const repeated: string[] = []
  let cursor: string | undefined
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer = await ask(LIST_BLOBS, {
      query: { did, limit: String(PAGE), ...(since && { since }), ...(cursor !== undefined && { cursor }) },
    })
    if (answer.status !== 200 || !isObject(answer.json) || !Array.isArray(answer.json['cids']))
      return { cids, repeated, isWhole: false, problem: inWords(answer) }
    const found = answer.json['cids'].map(inText)
    for (const cid of found)
      if (cids.has(cid)) repeated.push(cid)
      else cids.add(cid)
    const { cursor: next } = answer.json
    if (typeof next !== 'string' || found.length === 0) return { cids, repeated, isWhole: true }
    if (next === cursor) return { cids, repeated, isWhole: false, problem: `the cursor ${next} comes again` }
    cursor = next
  }
  return { cids, repeated, isWhole: false }
}
