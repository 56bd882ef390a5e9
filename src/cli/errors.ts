/** Every way in which `pds` fails: an exit code and what to do next. docs/troubleshoot.md has an entry for each. */
import { CodedError } from '../codedError.ts'

import { docsPath } from '../docsLink.ts'

/** Exit codes, for scripts. */
export const EXIT = {
  ok: 0,
  /** It did not work. */
  failed: 1,
  /** The command line is wrong. */
  usage: 2,
  /** It worked, and found something that is not as it should be. */
  problems: 3,
  /** It needs a yes, or an answer that nobody was there to give. */
  needsInput: 4,
  /** It did not work just now: the same command may work later. */
  retry: 5,
  interrupted: 130,
} as const

type ExitName = keyof typeof EXIT

interface Entry {
  readonly exit: ExitName
  /** What to do next; an error may have more precise advice. */
  readonly next: string
}

const entry = (exit: ExitName, next: string): Entry => ({ exit, next })

/** By code, which is also the heading in docs/troubleshoot.md. */
export const CATALOGUE = {
  // The command line and the folder
  'wrong-node': entry('failed', 'run `npm install`: it brings the right Node'),
  usage: entry('usage', 'run `pds --help`'),
  'not-a-terminal': entry(
    'needsInput',
    'give the answer as a flag, on standard input, or run it in a terminal',
  ),
  'not-confirmed': entry('needsInput', 'run it again and answer yes, or add --yes'),
  interrupted: entry('interrupted', 'run the same command again: what was done is kept'),
  internal: entry('failed', 'run it again with PDS_DEBUG=1 and report what it prints'),
  'no-project': entry('failed', 'run it in the folder of your Cirrus, or name the server with --host'),
  'not-configured': entry('failed', 'run `pds init`'),
  'bad-config': entry('failed', 'mend the file, or run `pds init`'),
  'keys-exist': entry('needsInput', 'keep them; only `pds init --force` makes new ones'),
  'bad-folder': entry(
    'failed',
    'choose a folder that can be written, or an earlier export of the same account',
  ),
  // The server
  'dev-not-running': entry('failed', 'start it in another terminal: `npm run dev`'),
  'host-unreachable': entry('retry', 'check the name and the network, then run it again'),
  'not-cirrus': entry('failed', 'check --host, and that the Worker is deployed: `npx wrangler deploy`'),
  'no-admin-password': entry('needsInput', 'set ADMIN_PASSWORD in the environment or in .dev.vars'),
  'wrong-admin-password': entry('failed', 'take ADMIN_PASSWORD from your key backup, or set a new one'),
  'account-absent': entry(
    'failed',
    'run `pds activate` for a new account, `pds import` for one that moves in',
  ),
  'account-not-active': entry('failed', 'run `pds status`; `pds activate` brings the account up'),
  'rate-limit': entry('retry', 'wait as long as the server says, then run it again'),
  'server-error': entry('retry', 'run it again; `npx wrangler tail` shows the server’s log'),
  refused: entry('failed', 'run `pds status`'),
  'future-cursor': entry('usage', 'leave --cursor out, or give 0 for everything that is kept'),
  // Identity and the PLC directory
  'directory-unavailable': entry('retry', 'run the same command again in a minute'),
  'directory-refused': entry('failed', 'run `pds identity` and compare what it shows'),
  'did-not-found': entry('failed', 'check the DID; a new one takes `pds init --new`'),
  'did-elsewhere': entry('failed', 'move the account back with `pds import`, or leave it deactivated here'),
  'rotation-key': entry('failed', 'let one of the DID’s present rotation keys sign'),
  'nothing-to-void': entry('failed', 'nothing: no signed operation waits'),
  'no-recovery-key': entry('failed', 'put a recovery key above Cirrus’s before you move'),
  // Targets
  'bad-target': entry('usage', 'give the target’s URL (https://…) or its did:web'),
  'target-unreachable': entry('retry', 'check the target’s address and that it is up'),
  'target-is-self': entry('usage', 'name the PDS that the account moves to'),
  'target-lies': entry('failed', 'ask the target’s operator; do not mint a token for it'),
  'invalid-scope': entry('usage', 'see `pds migrate-token --help` for the scopes'),
  // Migration tokens, as `pds import` sees them before it uses one
  'token-malformed': entry('failed', 'copy the token again, whole: one line, three parts'),
  'token-wrong-type': entry('failed', 'use the token that `pds migrate-token` printed, and no other'),
  'token-expired': entry('failed', 'run `pds migrate-token` again on the source and go on where it stopped'),
  'token-wrong-issuer': entry('failed', 'use a token of the account that `pds init` was told'),
  'token-wrong-audience': entry('failed', 'run `pds migrate-token --target <this server>` on the source'),
  'token-untargeted': entry('failed', 'run `pds migrate-token --target <this server>` on the source'),
  'token-scope': entry('failed', 'mint one with the scopes that are named'),
  'token-refused': entry('failed', 'run `pds migrate-token` again on the source'),
  // Moving in
  'source-unreachable': entry('retry', 'check --from; run the same command again'),
  'source-sign-in': entry('failed', 'check the identifier and the password'),
  'code-refused': entry(
    'failed',
    'run the same command again without PDS_PLC_TOKEN: the source sends a new code',
  ),
  'source-refused': entry('failed', 'read the source’s reason; run the same command again when it is mended'),
  'wrong-account': entry('failed', 'run `pds init --did <the DID>` for the account that moves'),
  'sign-in-needed': entry('failed', 'run it again and give the account password of this server'),
  'copy-incomplete': entry('problems', 'run the same command again: only what is missing is copied'),
  'import-refused': entry('failed', 'read the reason; the old state is untouched'),
  'import-too-large': entry(
    'failed',
    'keep what you have, the account elsewhere or the backup; another PDS may take it',
  ),
  // Backups that come back
  'bad-backup': entry('failed', 'restore from another copy, or export again where the account is'),
  'no-signing-key': entry(
    'failed',
    'put the key file beside wrangler.toml, or give SIGNING_KEY in the environment',
  ),
  'account-active': entry(
    'failed',
    'keep what is here; or `pds export` it, `pds deactivate`, and run the same command again',
  ),
  // What was found
  'export-incomplete': entry('problems', 'run the same command again: it goes on where it stopped'),
  'export-changing': entry('retry', 'stop writing for a moment, then run it again'),
  'crawl-refused': entry(
    'problems',
    'read the relay’s reason; configured relays are asked again by themselves',
  ),
  'check-failed': entry('problems', 'export what is there (`pds export`) before anything else'),
  'journal-broken': entry(
    'problems',
    'compare with an earlier `pds log --json`; treat the account as tampered with',
  ),
  'identity-amiss': entry('problems', 'run `pds status` for the one next command'),
} as const satisfies Record<string, Entry>

export type Code = keyof typeof CATALOGUE

export interface CliErrorOptions {
  next?: string
  server?: string
  /** Where it is explained, if not under its code: the server may have said so. */
  docs?: string
  cause?: unknown
}

/** A failure that is told to the person: what was wrong, what to do next, where it is explained. */
export class CliError extends CodedError<Code> {
  override readonly name = 'CliError'
  readonly next: string
  readonly docs: string
  readonly exit: number
  /** What the server called it, for `--json`. */
  readonly server: string | undefined

  constructor(code: Code, message: string, options: CliErrorOptions = {}) {
    super(code, message, options.cause === undefined ? undefined : { cause: options.cause })
    this.next = options.next ?? CATALOGUE[code].next
    this.docs = options.docs ?? docsPath(code)
    this.exit = EXIT[CATALOGUE[code].exit]
    this.server = options.server
  }
}
