import { NOWHERE, type Known } from '../discover.ts'
import { isFormat } from './isFormat.ts'
import type { Schema } from './lexiconSet.ts'

const byFormat = (format: string, known: Known): string | undefined =>
  ({
    did: known.did,
    handle: known.handle,
    'at-identifier': known.did,
    nsid: known.collection,
    cid: known.cid,
    tid: known.rev,
    'record-key': known.rkey,
    'at-uri': `at://${known.did}/${known.collection}/${known.rkey}`,
    datetime: '2026-01-01T00:00:00.000Z',
    uri: 'https://example.com',
    language: 'en',
  })[format]

const bytesOf = (text: string): number => new TextEncoder().encode(text).length
const graphemesOf = (text: string): number => [...new Intl.Segmenter().segment(text)].length

/** Whether a schema of type `string` accepts a text. Formats that nobody has specified accept everything. */
export function acceptsString(schema: Schema, text: string): boolean {
  const { minLength = 0, maxLength = Infinity, minGraphemes = 0, maxGraphemes = Infinity } = schema
  if (schema.const !== undefined && text !== schema.const) return false
  if (schema.enum && !schema.enum.includes(text)) return false
  const bytes = bytesOf(text)
  if (bytes < minLength || bytes > maxLength) return false
  const graphemes = minGraphemes === 0 && text.length <= maxGraphemes ? 0 : graphemesOf(text)
  if (graphemes < minGraphemes || graphemes > maxGraphemes) return false
  return schema.format === undefined || isFormat(schema.format, text)
}

/** One character each, of 1, 2, 4 and 25 bytes, for schemas that count both. */
const CHARACTERS = ['.', 'é', '🙂', '👩‍👩‍👧‍👦']
/** More would not fit into a request. */
const MAX_BYTES = 65_536

/** A text of the right length, in the lightest characters that make it possible. */
function* padded(schema: Schema): Generator<string> {
  const { minLength = 0, maxLength = MAX_BYTES, minGraphemes = 0, maxGraphemes = Infinity } = schema
  for (const character of CHARACTERS) {
    const count = Math.max(minGraphemes, Math.ceil(minLength / bytesOf(character)))
    if (count > maxGraphemes || count * bytesOf(character) > Math.min(maxLength, MAX_BYTES)) continue
    if (character === '.') yield 'sample'.slice(0, Math.min(maxLength, maxGraphemes)).padEnd(count, '.')
    yield character.repeat(count)
  }
}

/** A text that a schema of type `string` accepts; undefined if none is found. */
export function makeString(schema: Schema, known: Known): string | undefined {
  const { format } = schema
  // What a server says may not be of the format.
  const named = format === undefined ? [] : [byFormat(format, known), byFormat(format, NOWHERE)]
  const candidates = [
    schema.const,
    schema.default,
    ...(schema.enum ?? []),
    ...(schema.knownValues ?? []),
    ...named,
  ]
  const found = candidates.find((one) => typeof one === 'string' && acceptsString(schema, one))
  if (typeof found === 'string') return found
  return [...padded(schema)].find((text) => acceptsString(schema, text))
}
