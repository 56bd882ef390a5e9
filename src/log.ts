/** A line of the log: JSON, so that the dashboard and `wrangler tail` can filter by each member. */
export interface LogLine {
  /** What happened, such as `request`; the other members follow from it. */
  readonly event: string
  readonly [member: string]: string | number | undefined
}

/**
 * Writes one line. Tokens, passwords and bodies are never members; addresses lose their queries, which may hold them.
 */
export const log = (level: 'log' | 'warn' | 'error', line: LogLine): void => {
  console[level](
    JSON.stringify(line, (_, value: unknown) => (typeof value === 'string' ? clean(value) : value)),
  )
}

const QUERY = /(https?:\/\/[^\s"'?#]*|\/xrpc\/[\w.]*)\?[^\s"']*/g
/** JWTs, codes and refresh tokens of apps, and headers that carry a credential. */
const TOKEN = /\beyJ[\w-]+\.[\w-]+\.[\w-]*|\b(cod|ref)-[0-9a-f]{32}-[\w-]+|\b(Bearer|Basic|DPoP) [\w.~+/=-]+/g

const clean = (text: string): string => text.replace(QUERY, '$1?…').replace(TOKEN, '[secret]')

/** Writes a bug down: the client learns only its id. */
export const logBug = (id: string, cause: unknown): void => logFailure('bug', cause, { id })

/** Writes a failure down that no client learns of. */
export const logFailure = (event: string, cause: unknown, ids: { readonly id?: string } = {}): void => {
  const error = cause instanceof Error ? cause : new Error(String(cause))
  const inner = error.cause instanceof Error ? (error.cause.stack ?? error.cause.message) : undefined
  log('error', { event, ...ids, name: error.name, message: error.message, stack: error.stack, cause: inner })
}

const KNOWN_PATH =
  /^\/($|robots\.txt$|\.well-known\/(did\.json|atproto-did|oauth-(protected-resource|authorization-server))$|oauth\/(par|authorize|token|revoke|jwks)$)/

/** The method that a request asks for, as far as it has the form of one; else the kind of its address. */
export const methodOf = (url: string): string => {
  const { pathname } = new URL(url)
  if (/^\/xrpc\/[a-zA-Z0-9.-]{1,317}$/.test(pathname)) return pathname.slice('/xrpc/'.length)
  if (/^\/account($|\/)/.test(pathname)) return '/account'
  return KNOWN_PATH.test(pathname) ? pathname : 'other'
}
