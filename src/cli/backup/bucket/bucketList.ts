import { CliError } from '../../errors.ts'

/** A page of the list of a bucket's objects. */
export interface BucketPage {
  keys: string[]
  /** What to ask with for the next page; undefined after the last one. */
  next: string | undefined
}

/** S3 gives a thousand at most. */
const MAX_KEYS = 10_000
const MAX_DEPTH = 16

interface XmlElement {
  /** The names from the root to it, with `/`. */
  path: string
  /** '' where it has other elements in it. */
  text: string
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** What is not a character in Unicode is left as it was written. */
const characterOf = (whole: string, code: number): string =>
  code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? whole : String.fromCodePoint(code)

const unescape = (text: string): string =>
  text.replaceAll(
    /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(amp|lt|gt|quot|apos));/gi,
    (whole, decimal?: string, hex?: string, name?: string) =>
      name === undefined
        ? characterOf(whole, decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal))
        : (ENTITIES[name.toLowerCase()] ?? whole),
  )

/**
 * The root and the elements with these names of an XML document, in order; undefined if it is not well formed, or has what no S3 server sends (comments,
 * CDATA, a DOCTYPE). Attributes are not read.
 */
const elementsOf = (xml: string, names: readonly string[]): XmlElement[] | undefined => {
  const found: XmlElement[] = []
  const open: string[] = []
  let isLeaf = false
  let roots = 0
  for (let at = xml.indexOf('<'); at >= 0;) {
    const end = xml.indexOf('>', at)
    if (end < 0) return undefined
    const tag = xml.slice(at + 1, end)
    const next = xml.indexOf('<', end)
    const text = xml.slice(end + 1, next < 0 ? undefined : next)
    at = next
    if (/^\?[^<]*$/.test(tag)) continue
    const [, closes, name = '', rest = ''] = /^(\/?)([A-Za-z_][\w:.-]*)(?=[\s/]|$)([^<]*)$/.exec(tag) ?? []
    if (closes === undefined) return undefined
    if (closes === '/') {
      if (open.pop() !== name) return undefined
      isLeaf = false
    } else {
      if (open.length === 0 && roots++ > 0) return undefined
      open.push(name)
      if (open.length > MAX_DEPTH) return undefined
      isLeaf = next >= 0 && xml.startsWith(`</${name}`, next)
      const isEmpty = rest.endsWith('/')
      if (open.length === 1 || names.includes(name))
        found.push({ path: open.join('/'), text: isLeaf && !isEmpty ? unescape(text) : '' })
      if (isEmpty) open.pop()
    }
    // Text stands in leaves only.
    if (!(isLeaf && closes === '') && text.trim() !== '') return undefined
  }
  return open.length === 0 && roots === 1 ? found : undefined
}

/** Reads an answer to ListObjectsV2 of S3. `host` names the server in errors. */
export const parseBucketPage = (xml: string, host: string): BucketPage => {
  const refuse = (what: string) => new CliError('bucket-refused', `${host} sent ${what}`)
  const elements = elementsOf(xml, ['Key', 'IsTruncated', 'NextContinuationToken'])
  if (elements?.[0]?.path !== 'ListBucketResult') throw refuse('something other than a list of objects')
  const named = (name: string) => elements.filter(({ path }) => path.endsWith(`/${name}`))
  const keys = named('Key').map(({ path, text }) => {
    if (path !== 'ListBucketResult/Contents/Key' || text === '') throw refuse('a list that cannot be read')
    return text
  })
  if (keys.length > MAX_KEYS) throw refuse('more than a page of a list can have')
  if (!named('IsTruncated').some(({ text }) => text.trim() === 'true')) return { keys, next: undefined }
  const next = named('NextContinuationToken')[0]?.text ?? ''
  // Without the rest, an older backup would be taken for the newest.
  if (next === '') throw refuse('a part of a list, and not how to ask for the rest')
  return { keys, next }
}

/** The code of an S3 error, such as `SignatureDoesNotMatch`; '' if there is none. */
export const errorCodeOf = (xml: string): string => /<Code>(\w{1,64})<\/Code>/.exec(xml)?.[1] ?? ''

/** The path of an object in its bucket's URL; undefined for a key that no URL can name. */
export const objectPath = (key: string): string | undefined => {
  const segments = key.split('/')
  if (key === '' || !key.isWellFormed() || segments.some((segment) => segment === '.' || segment === '..'))
    return undefined
  return segments.map(encodeURIComponent).join('/')
}
