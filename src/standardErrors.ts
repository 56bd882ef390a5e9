/** The errors that every method may answer besides its lexicon's own, with their HTTP status. */
export const STANDARD_ERRORS = {
  InvalidRequest: 400,
  InvalidToken: 400,
  ExpiredToken: 400,
  AuthMissing: 401,
  AuthenticationRequired: 401,
  AccountDeactivated: 403,
  Forbidden: 403,
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
