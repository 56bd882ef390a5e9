import type { Conditions } from './types.ts'

function readRange(header: string | null): Conditions['range'] {
  // Several ranges, or an unknown unit, may be ignored: the whole body is a valid answer.
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '')
  if (!match) return undefined
  const [, first = '', last = ''] = match
  if (first === '') return last === '' ? undefined : { suffix: Number(last) }
  if (last === '') return { offset: Number(first) }
  if (Number(last) < Number(first)) return undefined
  return { offset: Number(first), length: Number(last) - Number(first) + 1 }
}

const readEtags = (header: string | null): string[] | undefined =>
  header
    ?.split(',')
    .map((tag) =>
      tag
        .trim()
        .replace(/^W\//, '')
        .replace(/^"(.*)"$/, '$1'),
    )
    .filter((tag) => tag !== '')

/** `Range` and `If-None-Match` (RFC 9110), for the methods that answer with bytes. */
export const readConditions = (headers: Headers): Conditions => ({
  range: readRange(headers.get('range')),
  ifNoneMatch: readEtags(headers.get('if-none-match')),
})
