/** RFC 6749, section 3.3. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/
const MAX_LENGTH = 16 * 1024

/** The scopes that a client declares; undefined unless `atproto` is among them, each once. */
export const readScope = (scope: unknown): string | undefined => {
  if (typeof scope !== 'string' || scope.length > MAX_LENGTH || !SCOPE.test(scope)) return undefined
  const scopes = scope.split(' ')
  return scopes.includes('atproto') && new Set(scopes).size === scopes.length ? scope : undefined
}
