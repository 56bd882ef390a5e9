import { sameDigest } from '../../../repo/sha256.ts'
import { type Answer, inWords, mediaType } from '../../ask.ts'
import type { Problem } from '../../types.ts'

/** `bytes 1-3/10` */
const CONTENT_RANGE = /^bytes (\d+)-(\d+)\/(\d+|\*)$/

/** What is wrong with an answer to a request for a range of these bytes. */
export function rangeProblem(answer: Answer, whole: Uint8Array): Problem {
  const { status, headers, bytes } = answer
  if (status === 200) return sameDigest(bytes, whole) ? undefined : '200 with other bytes than the whole blob'
  if (status !== 206) return inWords(answer)
  // Several ranges at once, each with its own header.
  if (mediaType(headers) === 'multipart/byteranges') return undefined
  const range = headers.get('content-range') ?? ''
  const [, from, to, total] = CONTENT_RANGE.exec(range) ?? []
  if (from === undefined) return `206 with the content-range ${range || '(none)'}`
  if (total !== '*' && Number(total) !== whole.length)
    return `206 of ${total} bytes, and not of ${whole.length}`
  const due = whole.subarray(Number(from), Number(to) + 1)
  return sameDigest(bytes, due) ? undefined : `206 with ${bytes.length} bytes that are not those of ${range}`
}
