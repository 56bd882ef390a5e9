import { CodedError } from '../codedError.ts'
import { docsPath } from '../docsLink.ts'
import { CATALOGUE, type Entry } from './catalogue.ts'
import { EXIT } from './exit.ts'
import { MOVER_ERRORS, type MoverErrorCode } from '../mover/moverError.ts'

/** Beside the CLI's own codes, those of the mover, which brings its own advice. */
export type Code = keyof typeof CATALOGUE | MoverErrorCode

const isOwn = (code: Code): code is keyof typeof CATALOGUE => code in CATALOGUE

const entryOf = (code: Code): Entry => {
  if (isOwn(code)) return CATALOGUE[code]
  const { kind, next } = MOVER_ERRORS[code]
  return { exit: kind, next }
}

export interface CliErrorOptions {
  next?: string
  /** The server's name for the error. */
  server?: string
  /** The entry of docs/troubleshoot.md that explains it, if not the one of its code: the server may name another. */
  docs?: string
  cause?: unknown
}

/** A failure, as it is reported to the user: what was wrong, what to do next, where it is explained. */
export class CliError extends CodedError<Code> {
  override readonly name = 'CliError'
  readonly next: string
  readonly docs: string
  readonly exit: number
  /** The server's name for the error, for `--json`. */
  readonly server: string | undefined

  constructor(code: Code, message: string, options: CliErrorOptions = {}) {
    super(code, message, options.cause === undefined ? undefined : { cause: options.cause })
    this.next = options.next ?? entryOf(code).next
    this.docs = options.docs ?? docsPath(code)
    this.exit = EXIT[entryOf(code).exit]
    this.server = options.server
  }
}

/** The message of anything that was thrown. */
export const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))
