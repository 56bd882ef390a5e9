import { CodedError } from '../codedError.ts'
import { docsPath } from '../docsLink.ts'

/** What kind of stop it is. A command line turns it into an exit code. */
export type StopKind =
  /** It does not work like this. */
  | 'failed'
  /** What was asked for makes no sense. */
  | 'usage'
  /** It worked as far as it could, and something is missing. */
  | 'problems'
  /** An answer of the owner is missing. */
  | 'needsInput'
  /** The same may work later. */
  | 'retry'

interface Entry {
  readonly kind: StopKind
  /** What to do next. A single error may give more precise advice. */
  readonly next: string
}

const entry = (kind: StopKind, next: string): Entry => ({ kind, next })

/** Every way in which a move stops. The code is also the heading of the entry in docs/troubleshoot.md. */
export const MOVER_ERRORS = {
  // Who moves, and who may move them
  'not-confirmed': entry('needsInput', 'run the same command again and answer yes'),
  'not-its-pds': entry('failed', 'name the PDS that the DID names, or say that yours is an entryway'),
  'handle-needed': entry('needsInput', 'choose a handle that the new server can verify: --handle'),
  'handle-unresolved': entry(
    'failed',
    'publish what the message says, wait until DNS shows it, then run the same command again',
  ),
  'wrong-account': entry('failed', 'check the identifier, and which account the servers are for'),
  'account-found': entry(
    'needsInput',
    'find out who made the account, then run the same command in a terminal and answer; --yes does not cover it',
  ),
  'another-mover': entry('needsInput', 'let the other one finish; or end it, and run the same command again'),
  'did-elsewhere': entry('failed', 'move the account from the server that its DID names'),
  'did-not-found': entry('failed', 'check the handle or the DID'),
  'target-is-self': entry('usage', 'name the PDS that the account moves to'),
  'bad-journal': entry('failed', 'move the folder of the journal away, then run the same command again'),
  // The PLC directory
  'directory-unavailable': entry('retry', 'run the same command again in a minute'),
  'directory-refused': entry('failed', 'compare the log of the DID with what the message says'),
  'operation-differs': entry(
    'needsInput',
    'run the command in a terminal, read the differences, and answer; --yes does not cover them',
  ),
  'too-many-keys': entry(
    'failed',
    'have one of the keys that you hold sign an operation that drops one of them, then run the same command again',
  ),
  // Undoing a move
  'bad-undo-op': entry('failed', 'name the file that `pds undo-op` wrote, or sign now with the recovery key'),
  'undo-impossible': entry('failed', 'keep the account where the DID names it; it can move back as it came'),
  'nothing-to-undo': entry('failed', 'nothing: the DID names the server that it named before'),
  // The server that the account comes from
  'source-unreachable': entry(
    'retry',
    'check the address of the old server, then run the same command again',
  ),
  'source-sign-in': entry('failed', 'check the identifier and the password'),
  'app-password': entry('failed', 'give the account password: an app password cannot move an account'),
  'code-refused': entry('failed', 'run the same command again: the source sends a new code'),
  'source-refused': entry('failed', 'read the source’s reason; run the same command again when it is fixed'),
  'token-malformed': entry('failed', 'copy the whole token again: one line, three parts'),
  'token-wrong-type': entry('failed', 'use the token that `pds migrate-token` printed'),
  'token-wrong-issuer': entry('failed', 'use a token of the account that moves'),
  'token-wrong-audience': entry('failed', 'run `pds migrate-token --target <the new server>` on the source'),
  'token-untargeted': entry('failed', 'run `pds migrate-token --target <the new server>` on the source'),
  'token-scope': entry('failed', 'mint a token with the scopes that the message names'),
  'token-expired': entry('failed', 'mint another token on the source, and continue where the move stopped'),
  'token-refused': entry('failed', 'mint another token on the source, then run the same command again'),
  'rate-limit': entry('retry', 'wait as long as the server says, then run the same command again'),
  // The server that the account moves to
  'target-unreachable': entry('retry', 'check the target’s address, and that it is running'),
  'bad-target': entry('usage', 'give the target’s URL (https://…)'),
  'target-lies': entry('failed', 'ask the target’s operator; do not go on with this target'),
  'target-refused': entry('failed', 'read the target’s reason; run the same command again when it is fixed'),
  'invite-needed': entry('needsInput', 'ask the target’s operator for an invite code'),
  'sign-in-needed': entry('failed', 'run the same command again and give the password of the new account'),
  'import-refused': entry('failed', 'read the reason; the old state is unchanged'),
  'import-too-large': entry(
    'failed',
    'keep the account where it is; another PDS may accept it. A Cirrus takes it in parts, or fetches it itself: `pds import --from` there',
  ),
  // What was found
  'bad-backup': entry('failed', 'take another copy, or export the account again from where it is'),
  'no-signing-key': entry('failed', 'give the key that the message names'),
  'not-released': entry('problems', 'run the same command again: it goes on where it stopped'),
  'copy-incomplete': entry('problems', 'run the same command again: only what is missing is copied'),
  'preflight-failed': entry('problems', 'mend what the lines with ✗ say, then run the same command again'),
} as const satisfies Record<string, Entry>

export type MoverErrorCode = keyof typeof MOVER_ERRORS

export interface MoverErrorOptions extends ErrorOptions {
  /** What to do next, if the code alone does not say it. */
  next?: string | undefined
  /** The entry of docs/troubleshoot.md that explains it, if not the one of its code. */
  docs?: string | undefined
  /** The name that a server gave its error. */
  server?: string | undefined
}

/** Why a move does not go on: what was wrong, and what to do next. It names no secret. */
export class MoverError extends CodedError<MoverErrorCode> {
  override readonly name = 'MoverError'
  readonly next: string
  readonly docs: string
  readonly kind: StopKind
  readonly server: string | undefined

  constructor(
    code: MoverErrorCode,
    message: string,
    { next, docs, server, ...options }: MoverErrorOptions = {},
  ) {
    super(code, message, options)
    this.next = next ?? MOVER_ERRORS[code].next
    this.docs = docs ?? docsPath(code)
    this.kind = MOVER_ERRORS[code].kind
    this.server = server
  }
}
