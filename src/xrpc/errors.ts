import { isStandardError, STANDARD_ERRORS, type StandardError } from '../standardErrors.ts'

/** An error as an answer: its name, the status that belongs to it, and a message for the caller. */
export class XrpcError extends Error {
  readonly error: string
  readonly status: number
  readonly headers: Record<string, string>
  /** Any method may answer with it, whether its lexicon declares it or not. */
  readonly standard: boolean

  constructor(name: string, message: string, headers: Record<string, string> = {}) {
    super(message)
    this.name = 'XrpcError'
    this.error = name
    this.status = isStandardError(name) ? STANDARD_ERRORS[name] : 400
    this.headers = headers
    this.standard = isStandardError(name)
  }
}

/**
 * The one way to refuse a request. Outside handlers only the standard names may be used; a handler's own
 * `error` also takes the names that its lexicon declares.
 */
export const error = (name: StandardError, message: string, headers?: Record<string, string>): XrpcError =>
  new XrpcError(name, message, headers)
