import { BlobRef, type Lexicons } from '@atproto/lexicon'
import { validateCidString } from '@atproto/lex-data'
import { isDatetimeString, isValidUri, parseLanguageString } from '@atproto/syntax'

/** The parts of a definition that are looked at here: the library's union of types does not name them all. */
interface Definition {
  type: string
  format?: string
  ref?: string
  refs?: readonly string[]
  items?: Definition
  properties?: Readonly<Record<string, Definition>>
  accept?: readonly string[]
  maxSize?: number
}

/** 8 KiB, as the specification says. */
const MAX_URI_LENGTH = 8192

/**
 * The formats of which @atproto/lexicon takes more than the specification allows: a datetime without a zone, a language
 * in the wrong case, a CID in any base, a URI of any length. It must take what other servers stored; a new record must not have them.
 */
const STRICT_FORMATS: Record<string, { isValid: (text: string) => boolean; expected: string }> = {
  datetime: {
    isValid: isDatetimeString,
    expected: 'a datetime with a time zone, like 2026-11-29T12:00:00.000Z',
  },
  language: {
    isValid: (text) => parseLanguageString(text) !== null,
    expected: 'a language tag (BCP 47), like en or pt-BR',
  },
  uri: {
    isValid: (text) => isValidUri(text) && text.length <= MAX_URI_LENGTH,
    expected: `a URI of at most ${MAX_URI_LENGTH} characters`,
  },
  // Version 0 (`Qm…`) is a CID of the library, and not of the protocol.
  cid: {
    isValid: (text) => text.startsWith('b') && validateCidString(text),
    expected: 'a CID of version 1 in base32',
  },
}

const accepts = (accept: readonly string[], mimeType: string): boolean =>
  accept.some(
    (range) =>
      range === '*/*' ||
      range === mimeType ||
      (range.endsWith('/*') && mimeType.startsWith(range.slice(0, -1))),
  )

const checkBlob = ({ accept, maxSize }: Definition, blob: BlobRef, path: string): void => {
  if (accept && !accepts(accept, blob.mimeType))
    throw new Error(`${path} must be a blob of the type ${accept.join(' or ')}, not ${blob.mimeType}`)
  if (maxSize !== undefined && blob.size > maxSize)
    throw new Error(`${path} must be a blob of at most ${maxSize} bytes, this one has ${blob.size}`)
}

const checkText = ({ format = '' }: Definition, text: string, path: string): void => {
  const rule = STRICT_FORMATS[format]
  if (rule && !rule.isValid(text))
    throw new Error(`${path} must be ${rule.expected}, got ${JSON.stringify(text.slice(0, 100))}`)
}

const isMap = (value: unknown): value is { readonly [name: string]: unknown } =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype

/** The definition that a value is of, once references are followed; undefined for a type that an open union does not list. */
const resolve = (lexicons: Lexicons, def: Definition, value: unknown): Definition | undefined => {
  const { type, ref, refs } = def
  // The library's union of definitions has each of these parts in some of its types.
  if (type === 'ref') return lexicons.getDef(ref ?? '') as Definition | undefined
  if (type !== 'union') return def
  const name = isMap(value) ? `lex:${value.$type}`.replace(/#main$/, '') : ''
  const listed = refs?.find((uri) => uri.replace(/#main$/, '') === name)
  return listed === undefined ? undefined : (lexicons.getDef(listed) as Definition | undefined)
}

/**
 * Checks what `Lexicons.assertValidRecord` leaves out, on a value that it has accepted: the strict formats of strings,
 * and the types and sizes of blobs. Throws where the value breaks one.
 */
export const assertStrict = (lexicons: Lexicons, def: Definition, value: unknown, path: string): void => {
  if (value === undefined || value === null) return
  const target = resolve(lexicons, def, value)
  if (!target) return
  const { items, properties } = target
  if (typeof value === 'string') checkText(target, value, path)
  else if (value instanceof BlobRef) checkBlob(target, value, path)
  else if (Array.isArray(value) && items)
    value.forEach((item, at) => assertStrict(lexicons, items, item, `${path}/${at}`))
  else if (properties && isMap(value))
    for (const [name, property] of Object.entries(properties))
      assertStrict(lexicons, property, value[name], `${path}/${name}`)
}
