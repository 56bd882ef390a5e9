/** The errors that every method may answer besides its lexicon's own, with their HTTP status. */
export const STANDARD_ERRORS = {
  InvalidRequest: 400,
  InvalidToken: 400,
  ExpiredToken: 400,
  AuthMissing: 401,
  AuthenticationRequired: 401,
  AccountDeactivated: 403,
  Forbidden: 403,
  PayloadTooLarge: 413,
  RateLimitExceeded: 429,
  InternalServerError: 500,
  MethodNotImplemented: 501,
  UpstreamFailure: 502,
} as const

export type StandardError = keyof typeof STANDARD_ERRORS

const isStandard = (name: string): name is StandardError => Object.hasOwn(STANDARD_ERRORS, name)

/** An answer that is an error: its name, the status that goes with it, and what to tell the caller. */
export class XrpcError extends Error {
  readonly error: string
  readonly status: number
  readonly headers: Record<string, string>
  /** Open to every method, whether its lexicon declares it or not. */
  readonly standard: boolean

  constructor(name: string, message: string, headers: Record<string, string> = {}) {
    super(message)
    this.name = 'XrpcError'
    this.error = name
    this.status = isStandard(name) ? STANDARD_ERRORS[name] : 400
    this.headers = headers
    this.standard = isStandard(name)
  }
}

/**
 * The one way to say no. Outside handlers only the standard names are open; a handler's own
 * `error` also takes the names its lexicon declares.
 */
export const error = (name: StandardError, message: string, headers?: Record<string, string>): XrpcError =>
  new XrpcError(name, message, headers)
