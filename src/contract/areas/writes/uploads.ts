import { isObject } from '../../../isObject.ts'
import { cidText } from '../../../repo/cid.ts'
import { sha256 } from '../../../repo/sha256.ts'
import { inWords, type Asking } from '../../ask.ts'
import type { Rule, Run } from '../../types.ts'
import { fieldsOf } from '../fieldsOf.ts'
import { LEXICON, UPLOAD, writeRule, type Owner } from './owner.ts'

const GET_BLOB = 'com.atproto.sync.getBlob'
const LIST_BLOBS = 'com.atproto.sync.listBlobs'
const BLOB_SPEC = 'https://atproto.com/specs/blob#blob-metadata'

const uploaded = writeRule(
  'upload',
  'uploadBlob answers with the CID, the size and the type of what was sent.',
  `${LEXICON}/repo/uploadBlob.json; ${BLOB_SPEC}`,
)
const referenced = writeRule(
  'blob-referenced',
  'A blob that a record refers to is given out and listed, with the bytes that were sent.',
  `${LEXICON}/repo/uploadBlob.json: a referenced blob is persisted`,
)
const unlisted = writeRule(
  'blob-unlisted',
  'A blob that no record refers to is not listed: a mover would copy it, and the target would wait for its record.',
  `${LEXICON}/sync/listBlobs.json; pds move and goat compare the list with the records`,
  'should',
)
const notStored = writeRule(
  'blob-unknown',
  'A record that refers to a blob which was never uploaded is refused.',
  `${LEXICON}/repo/uploadBlob.json: a blob must be uploaded before it is referenced`,
  'should',
)

export const UPLOAD_RULES: readonly Rule[] = [uploaded, referenced, unlisted, notStored]
export const UPLOAD_KEYS = ['blob', 'lost']

const rawCid = (bytes: Uint8Array): string => cidText(new Uint8Array([1, 0x55, 0x12, 0x20, ...sha256(bytes)]))

const blobOf = (cid: string, size: number) => ({
  $type: 'blob',
  ref: { $link: cid },
  mimeType: 'text/plain',
  size,
})

/** Whether the account lists a blob. */
async function isListed(ask: Asking, did: string, cid: string): Promise<boolean> {
  let cursor: string | undefined
  for (let page = 0; page < 1000; page++) {
    const query = { did, limit: '1000', ...(cursor === undefined ? {} : { cursor }) }
    const { cids, cursor: next } = fieldsOf(await ask(LIST_BLOBS, { query }))
    if (Array.isArray(cids) && cids.includes(cid)) return true
    if (typeof next !== 'string' || next === cursor) return false
    cursor = next
  }
  return false
}

/** A blob from its upload to its end. */
export async function checkUploads(run: Run, owner: Owner): Promise<void> {
  const { did } = owner
  // New bytes each time: an earlier run may have left the same.
  const bytes = new TextEncoder().encode(`contract suite ${Buffer.from(run.deps.random(16)).toString('hex')}`)
  const cid = rawCid(bytes)
  const place = (subject: string, name: string) => ({ subject, case: name })
  await run.expect(uploaded, place(UPLOAD, 'a text'), async (ask) => {
    const answer = await owner.upload(ask, bytes, 'text/plain')
    const { blob } = fieldsOf(answer)
    if (answer.status !== 200 || !isObject(blob)) return inWords(answer)
    const ref = isObject(blob['ref']) ? blob['ref']['$link'] : undefined
    const got = [ref, blob['size'], blob['mimeType']].join(', ')
    return got === [cid, bytes.length, 'text/plain'].join(', ') ? undefined : got
  })
  if (!run.serves(GET_BLOB) || !run.serves(LIST_BLOBS)) return
  await run.expect(unlisted, place(LIST_BLOBS, 'before a record refers to it'), async (ask) =>
    (await isListed(ask, did, cid)) ? `${cid} is listed` : undefined,
  )
  await run.expect(referenced, place(GET_BLOB, 'once a record refers to it'), async (ask) => {
    const put = await owner.put(ask, 'blob', { blob: blobOf(cid, bytes.length) }, { validate: false })
    if (put.status !== 200) return inWords(put)
    const got = await ask(GET_BLOB, { query: { did, cid } })
    if (got.status !== 200) return inWords(got)
    if (Buffer.compare(got.bytes, bytes) !== 0) return 'other bytes'
    return (await isListed(ask, did, cid)) ? undefined : 'it is not listed'
  })
  await run.expect(unlisted, place(LIST_BLOBS, 'after the record was deleted'), async (ask) => {
    await owner.remove(ask, 'blob')
    // Some servers take blobs out of the list a moment later.
    for (let waited = 0; waited < 5; waited++) {
      if (!(await isListed(ask, did, cid))) return undefined
      await run.deps.sleep(1000)
    }
    return `${cid} is still listed`
  })
  await run.expect(
    notStored,
    place('com.atproto.repo.putRecord', 'for bytes that nobody has sent'),
    async (ask) => {
      const lost = rawCid(run.deps.random(32))
      const answer = await owner.put(ask, 'lost', { blob: blobOf(lost, 32) }, { validate: false })
      return answer.status >= 400 && answer.status < 500 ? undefined : inWords(answer)
    },
  )
}
