import { type Answer, inWords, mediaType } from '../../ask.ts'
import { type Place, type Problem, type Rule, type Run } from '../../types.ts'
import type { BlobUse } from '../repository/readTree.ts'
import { GET_BLOB, getBlob, type GotBlob, headBlob, rangeOfBlob } from './getBlob.ts'
import { rangeProblem } from './rangeProblem.ts'
import { blobRules as rules } from './rules.ts'

const OF_ONE = [
  rules.served,
  rules.bytes,
  rules.size,
  rules.type,
  rules.length,
  rules.head,
  rules.ranges,
  rules.nosniff,
  rules.noScript,
]

const baseType = (type: string): string => type.split(';')[0]?.trim().toLowerCase() ?? ''

const sizeProblem = ({ length }: GotBlob, { sizes }: BlobUse): Problem =>
  sizes.size === 0 || sizes.has(length) ? undefined : `${length} bytes; records say ${[...sizes].join(', ')}`

const typeProblem = ({ answer }: GotBlob, { mimeTypes }: BlobUse): Problem => {
  const said = [...mimeTypes].map(baseType)
  const type = mediaType(answer.headers)
  // A type that says nothing cannot be contradicted.
  return said.includes(type) || said.some((one) => one.includes('*') || one === '')
    ? undefined
    : `${type || 'no type'}; records say ${said.join(', ')}`
}

const lengthProblem = ({ answer, length }: GotBlob): Problem => {
  const told = answer.headers.get('content-length')
  return told === String(length) ? undefined : `content-length ${told ?? 'missing'}, and ${length} bytes`
}

const noScriptProblem = ({ answer: { headers } }: GotBlob): Problem => {
  const policy = headers.get('content-security-policy') ?? ''
  return /default-src 'none'/.test(policy) || /\bsandbox\b/.test(policy)
    ? undefined
    : `content-security-policy: ${policy || '(none)'}`
}

const headProblem = (got: Answer, head: Answer): Problem => {
  if (head.status !== got.status) return `HEAD: ${head.status}, GET: ${got.status}`
  const differing = ['content-type', 'content-length'].filter(
    (name) => head.headers.get(name) !== got.headers.get(name),
  )
  const [name] = differing
  if (name !== undefined)
    return `${name} of HEAD: ${head.headers.get(name) ?? 'none'}, of GET: ${got.headers.get(name) ?? 'none'}`
  return head.bytes.length > 0 ? `HEAD with ${head.bytes.length} bytes` : undefined
}

async function checkOne(run: Run, did: string, cid: string, use: BlobUse): Promise<GotBlob | undefined> {
  const place: Place = { subject: GET_BLOB, case: cid }
  let got: GotBlob | undefined
  await run.expect(rules.served, place, async (ask) => {
    const blob = await getBlob(ask, did, cid)
    if (blob.answer.status !== 200) return `${inWords(blob.answer)}; ${use.path} refers to it`
    got = blob
    return undefined
  })
  // A run may be about some rules only.
  if (!run.applies(rules.served)) got = await getBlob(run.ask, did, cid).catch(() => undefined)
  const blob = got
  if (!blob || blob.answer.status !== 200) {
    for (const rule of OF_ONE)
      if (rule !== rules.served) run.unclear(rule, place, 'the blob was not given out')
    return undefined
  }
  const judge = (rule: Rule, problem: Problem): void => run.judge(rule, place, problem, [blob.answer])
  if (blob.isWhole) {
    judge(rules.bytes, blob.isRight ? undefined : `${blob.length} bytes that have another hash`)
    judge(rules.size, sizeProblem(blob, use))
    judge(rules.length, lengthProblem(blob))
  } else
    for (const rule of [rules.bytes, rules.size, rules.length])
      run.unclear(rule, place, 'the blob is too large to be read here')
  judge(rules.type, typeProblem(blob, use))
  const nosniff = blob.answer.headers.get('x-content-type-options')
  judge(
    rules.nosniff,
    nosniff?.toLowerCase() === 'nosniff' ? undefined : `x-content-type-options: ${nosniff ?? '(none)'}`,
  )
  judge(rules.noScript, noScriptProblem(blob))
  await run.expect(rules.head, place, async (ask) => headProblem(blob.answer, await headBlob(ask, did, cid)))
  return blob
}

/** Ranges of a blob of so many bytes. */
const ranges = (size: number): Record<string, string> => ({
  'bytes in the middle': 'bytes=1-2',
  'the last two bytes': 'bytes=-2',
  'beyond the end': `bytes=${size}-`,
  'over the end': `bytes=${size - 1}-${size + 10}`,
  'two ranges': 'bytes=0-0,2-2',
  backwards: 'bytes=3-1',
})

/** What may be refused. */
const NOT_THERE = new Set(['beyond the end', 'backwards'])
const MIN_BYTES = 3

/** Gets these blobs, and judges what comes. */
export async function checkServed(
  run: Run,
  did: string,
  sample: readonly (readonly [string, BlobUse])[],
): Promise<void> {
  if (sample.length === 0)
    for (const rule of OF_ONE)
      run.unclear(rule, { subject: GET_BLOB, case: 'a blob' }, 'the account has no blobs')
  let ranged: { cid: string; bytes: Uint8Array } | undefined
  for (const [cid, use] of sample) {
    const blob = await checkOne(run, did, cid, use)
    if (blob?.isRight && blob.bytes && blob.bytes.length >= MIN_BYTES) ranged ??= { cid, bytes: blob.bytes }
  }
  await checkRanges(run, did, sample, ranged)
}

async function checkRanges(
  run: Run,
  did: string,
  sample: readonly unknown[],
  ranged: { cid: string; bytes: Uint8Array } | undefined,
): Promise<void> {
  if (sample.length === 0) return
  if (!ranged)
    return run.unclear(rules.ranges, { subject: GET_BLOB, case: 'a range' }, 'no blob has a size that fits')
  const { cid, bytes } = ranged
  for (const [name, range] of Object.entries(ranges(bytes.length)))
    await run.expect(rules.ranges, { subject: GET_BLOB, case: name }, async (ask) => {
      const answer = await rangeOfBlob(ask, did, cid, range)
      const isRefused = answer.status >= 400 && answer.status < 500
      return isRefused && NOT_THERE.has(name) ? undefined : rangeProblem(answer, bytes)
    })
}
