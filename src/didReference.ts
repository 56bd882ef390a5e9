/** The identifier of a did:web without a path: what may follow `did:web:`. */
const WEB = /^(?:[\w.-]|%[\dA-F]{2})+$/
/** A fragment (RFC 3986, section 3.5). */
const FRAGMENT = /^(?:[\w.~!$&'()*+,;=:@/?-]|%[\dA-Fa-f]{2})+$/
const MAX_LENGTH = 2048

/** A host name, and a port only on localhost. */
const isHost = (text: string): boolean =>
  WEB.test(text) &&
  (!text.includes('%3A') || text.startsWith('localhost%3A')) &&
  URL.canParse(`https://${text.replaceAll('%3A', ':')}`)

/**
 * In place of `@atproto/did` in the Worker's bundle (`[alias]` in wrangler.toml), which would bring schemas with it. All
 * that `@atproto/oauth-scopes` uses of that package is this: whether a value names a service of a DID that atproto knows,
 * as `did:web:api.bsky.app#bsky_appview` does. A package that imports anything else of it fails to bundle.
 */
export const isAtprotoDidRefAbsolute = (value: unknown): boolean => {
  if (typeof value !== 'string') return false
  const [did = '', fragment = '', ...rest] = value.split('#')
  if (rest.length > 0 || did.length > MAX_LENGTH || !FRAGMENT.test(fragment)) return false
  return /^did:plc:[a-z2-7]{24}$/.test(did) || (did.startsWith('did:web:') && isHost(did.slice(8)))
}
