/** What is called differently on two sides, and what both are compared as: `did:plc:…` to `<owner>`. */
export type Names = ReadonlyMap<string, string>

const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/\bbaf[a-z2-7]{50,}\b/g, '<cid>'],
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, '<time>'],
  // A TID: a record key, or a revision.
  [/(?<![a-z2-7])[2-7a-j][2-7a-z]{12}(?![a-z2-7])/g, '<tid>'],
  [/\b[a-z2-7]{4}(-[a-z2-7]{4}){3}\b/g, '<app password>'],
]
const JWT = /^[\w-]+\.([\w-]+)\.[\w-]+$/
/** Keys whose values say nothing about the shape of an answer. */
const OPAQUE = new Map([
  ['cursor', '<cursor>'],
  ['jti', '<id>'],
  ['iat', '<seconds>'],
  ['exp', '<seconds>'],
  ['publicKeyMultibase', '<key>'],
  // The shape of the tree depends on the record keys, which are times.
  ['repoBlocks', '<count>'],
])

/** The same value with everything that must differ between two runs replaced by what it is. */
export const normalise = (value: unknown, names: Names, key = ''): unknown => {
  if (Array.isArray(value)) return value.map((item) => normalise(item, names))
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [
        normaliseText(name, names),
        OPAQUE.get(name) ?? normalise(item, names, name),
      ]),
    )
  if (typeof value !== 'string') return value
  const claims = key.endsWith('Jwt') || key === 'token' ? JWT.exec(value)?.[1] : undefined
  if (claims !== undefined)
    return { jwt: normalise(JSON.parse(Buffer.from(claims, 'base64url').toString()), names) }
  return normaliseText(value, names)
}

const normaliseText = (text: string, names: Names): string => {
  let normal = text
  // The longest first: a URL contains a host.
  for (const [name, stands] of [...names].sort(([a], [b]) => b.length - a.length))
    normal = normal.replaceAll(name, stands).replaceAll(encodeURIComponent(name), stands)
  for (const [pattern, stands] of PATTERNS) normal = normal.replace(pattern, stands)
  return normal
}
