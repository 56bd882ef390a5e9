/** The errors that every method may answer besides its lexicon's own, with their HTTP status. */
export const STANDARD_ERRORS = {
  InvalidRequest: 400,
  InvalidToken: 400,
  ExpiredToken: 400,
  AuthMissing: 401,
  AuthenticationRequired: 401,
  // What is wrong with an access token of OAuth, or with its proof: RFC 6750, section 3.1, and RFC 9449, section 7.1.
  invalid_token: 401,
  invalid_dpop_proof: 401,
  use_dpop_nonce: 401,
  AccountDeactivated: 403,
  Forbidden: 403,
  /** The scopes of an app's grant do not cover the request. */
  ScopeMissingError: 403,
  RequestTimeout: 408,
  PayloadTooLarge: 413,
  RateLimitExceeded: 429,
  InternalServerError: 500,
  MethodNotImplemented: 501,
  UpstreamFailure: 502,
  NotEnoughResources: 503,
} as const

export type StandardError = keyof typeof STANDARD_ERRORS

/** Whether every method may answer with this error, whatever its lexicon declares. */
export const isStandardError = (name: string): name is StandardError => Object.hasOwn(STANDARD_ERRORS, name)
