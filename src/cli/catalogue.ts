import type { ExitName } from './exit.ts'

/** How a command ends that fails in this way, and what its user does next. */
export interface Entry {
  readonly exit: ExitName
  /** What to do next. A single error may give more precise advice. */
  readonly next: string
}

const entry = (exit: ExitName, next: string): Entry => ({ exit, next })

/**
 * Every way in which `pds` fails, with its exit code and what to do next. The code is also the heading of the entry
 * in docs/troubleshoot.md.
 */
export const CATALOGUE = {
  // The command line and the folder
  'wrong-node': entry('failed', 'run `npm install`: it installs the right Node'),
  usage: entry('usage', 'run `pds --help`'),
  'not-a-terminal': entry(
    'needsInput',
    'give the answer as a flag or on standard input, or run the command in a terminal',
  ),
  'not-confirmed': entry('needsInput', 'run the command again and answer yes, or add --yes'),
  interrupted: entry('interrupted', 'run the same command again: what is done stays done'),
  internal: entry('failed', 'run the command again with PDS_DEBUG=1 and report what it prints'),
  'no-project': entry(
    'failed',
    'run the command in the folder of your Cirrus, or name the server with --host',
  ),
  'not-configured': entry('failed', 'run `pds init`'),
  'bad-config': entry('failed', 'correct the file, or run `pds init`'),
  'keys-exist': entry('needsInput', 'keep them; only `pds init --force` makes new ones'),
  'bad-folder': entry(
    'failed',
    'choose a folder that can be written to, or an earlier backup of the same account',
  ),
  'install-failed': entry('retry', 'read what npm says, then run the same command again'),
  'wrangler-missing': entry('failed', 'run `npm install` in the folder of your Cirrus'),
  'secrets-not-put': entry('retry', 'read what wrangler says, then run the same command again'),
  'secrets-not-seen': entry(
    'retry',
    'run the same command again in a minute; if it says so again, compare `name` in wrangler.toml with the Worker that has this host name',
  ),
  'settings-missing': entry('problems', 'run `pds upgrade` without --check'),
  // The server
  'dev-not-running': entry('failed', 'start it in another terminal: `npm run dev`'),
  'host-unreachable': entry('retry', 'check the name and the network, then run the command again'),
  'not-cirrus': entry('failed', 'check --host, and that the Worker is deployed: `npx wrangler deploy`'),
  'no-admin-password': entry('needsInput', 'set ADMIN_PASSWORD in the environment or in .dev.vars'),
  'wrong-admin-password': entry('failed', 'take ADMIN_PASSWORD from your key file, or set a new one'),
  'account-absent': entry(
    'failed',
    'run `pds activate` for a new account, `pds import` for one that moves in, `pds restore` for one from a backup',
  ),
  'account-not-active': entry('failed', 'run `pds status`; `pds activate` activates the account'),
  'rate-limit': entry('retry', 'wait as long as the server says, then run the command again'),
  'server-error': entry('retry', 'run the command again; `npx wrangler tail` shows the server’s log'),
  'grant-not-found': entry('failed', 'run `pds grants list`, which lists those that there are'),
  'session-not-found': entry('failed', 'run `pds sessions`, which lists those that there are'),
  'app-password-not-found': entry('failed', 'run `pds app-password list`, which lists those that there are'),
  'passkey-not-found': entry('failed', 'run `pds passkey list`, which lists those that there are'),
  'passkeys-unavailable': entry(
    'failed',
    'give the server a host name as HOSTNAME; in development `localhost`',
  ),
  'no-passkey': entry('failed', 'run `pds passkey add`, and open the link'),
  refused: entry('failed', 'run `pds status`'),
  'future-cursor': entry('usage', 'leave out --cursor, or give 0 to get everything that is stored'),
  // Identity and the PLC directory
  'directory-unavailable': entry('retry', 'run the same command again in a minute'),
  'directory-refused': entry('failed', 'run `pds identity` and compare what it shows'),
  'did-not-found': entry('failed', 'check the DID; `pds init --new` creates a new one'),
  'did-elsewhere': entry('failed', 'move the account back with `pds import`, or leave it deactivated here'),
  'operation-differs': entry(
    'needsInput',
    'run the command in a terminal, read the differences, and answer; --yes does not cover them',
  ),
  'too-many-keys': entry(
    'failed',
    'have one of the keys that you hold sign an operation that drops one of them, then run the same command again',
  ),
  'rotation-key': entry('failed', 'have one of the DID’s current rotation keys sign'),
  'handle-unresolved': entry(
    'failed',
    'publish what the message says, wait until DNS shows it, then run the same command again',
  ),
  'invalid-handle': entry('usage', 'give a handle such as alice.example.com'),
  'operation-changed': entry(
    'retry',
    'run the same command again: it shows the operation that is needed now',
  ),
  'not-did-web': entry('failed', 'change the document of the DID where it is served'),
  'rehost-did-web': entry(
    'failed',
    'keep the host name; to give it up, move the account to a new DID by hand (docs/troubleshoot.md)',
  ),
  'rehost-not-deployed': entry(
    'retry',
    'deploy the Worker for the new name, then run the same command again',
  ),
  'key-not-ready': entry('failed', 'run `pds rotate-key`, which puts the secrets in place first'),
  'key-file-differs': entry(
    'failed',
    'put the key file of this deployment next to wrangler.toml, then run the same command again',
  ),
  'nothing-to-void': entry('failed', 'nothing: no signed operation is left to void'),
  'no-recovery-key': entry('failed', 'add a recovery key above Cirrus’s own before you move'),
  // Targets
  'bad-target': entry('usage', 'give the target’s URL (https://…) or its did:web'),
  'target-unreachable': entry('retry', 'check the target’s address, and that it is running'),
  'target-is-self': entry('usage', 'name the PDS that the account moves to'),
  'target-lies': entry('failed', 'ask the target’s operator; do not mint a token for it'),
  'target-did': entry('needsInput', 'ask the target’s operator for its service DID, and compare'),
  'invalid-scope': entry('usage', 'see `pds migrate-token --help` for the scopes'),
  // Migration tokens, as `pds import` sees them before it uses one
  'token-malformed': entry('failed', 'copy the whole token again: one line, three parts'),
  'token-wrong-type': entry('failed', 'use the token that `pds migrate-token` printed'),
  'token-expired': entry(
    'failed',
    'run `pds migrate-token` again on the source, and continue where the move stopped',
  ),
  'token-wrong-issuer': entry('failed', 'use a token of the account that `pds init` has set up'),
  'token-wrong-audience': entry('failed', 'run `pds migrate-token --target <this server>` on the source'),
  'token-untargeted': entry('failed', 'run `pds migrate-token --target <this server>` on the source'),
  'token-scope': entry('failed', 'mint a token with the scopes that the message names'),
  'token-refused': entry('failed', 'run `pds migrate-token` again on the source'),
  // Moving in
  'source-unreachable': entry('retry', 'check --from, then run the same command again'),
  'source-sign-in': entry('failed', 'check the identifier and the password'),
  'code-refused': entry(
    'failed',
    'run the same command again without PDS_PLC_TOKEN: the source sends a new code',
  ),
  'source-refused': entry('failed', 'read the source’s reason; run the same command again when it is fixed'),
  'wrong-account': entry('failed', 'run `pds init --did <the DID>` for the account that moves'),
  'account-found': entry(
    'needsInput',
    'look at `pds log` and `pds sessions`, then run the same command in a terminal and answer; --yes does not cover it',
  ),
  'sign-in-needed': entry('failed', 'run the command again and give the account password of this server'),
  'bad-statement': entry('failed', 'take the file that `pds verify --to` wrote, unchanged'),
  'statement-refused': entry('problems', 'run `pds verify --to <URL>`, which asks the servers themselves'),
  'copy-incomplete': entry('problems', 'run the same command again: only what is missing is copied'),
  'import-refused': entry('failed', 'read the reason; the old state is unchanged'),
  'import-too-large': entry(
    'failed',
    'keep the account where it is, or the backup; a later version of Cirrus, or another PDS, may accept it',
  ),
  // Restoring a backup
  'bad-backup': entry('failed', 'take another copy, or back the account up again from where it is'),
  'no-bucket-backup': entry('failed', 'check the URL of the bucket; `BACKUP = "daily"` makes backups'),
  'bucket-refused': entry(
    'failed',
    'make an R2 API token that may read the bucket, and give it as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
  ),
  'bucket-unreachable': entry('retry', 'check the URL of the bucket, then run the same command again'),
  'wrong-passphrase': entry(
    'failed',
    'run the command again with the passphrase that this backup was made with',
  ),
  'no-signing-key': entry(
    'failed',
    'put the key file next to wrangler.toml, or give SIGNING_KEY in the environment',
  ),
  'backup-needed': entry(
    'needsInput',
    'run `pds backup <dir>`, then `pds delete-account --backup <dir>`; or add --without-backup',
  ),
  'retention-locked': entry(
    'needsInput',
    'wait until `pds status` shows the lock no longer, or run the command in a terminal and type the handle',
  ),
  'account-active': entry(
    'failed',
    'keep the account as it is; or run `pds backup`, `pds deactivate`, and the same command again',
  ),
  // What was found
  'backup-incomplete': entry('problems', 'run the same command again: it continues where it stopped'),
  'backup-too-large': entry('failed', 'check --host: no Cirrus has as much to send'),
  'backup-changing': entry('retry', 'stop writing for a moment, then run the command again'),
  'crawl-refused': entry(
    'problems',
    'read the relay’s reason; Cirrus asks configured relays again by itself',
  ),
  'target-fails': entry('problems', 'mend what the lines with ✗ say, then run the same command again'),
  'check-list-failed': entry('problems', 'do what the lines with ✗ say, then run `pds doctor` again'),
  'check-failed': entry('problems', 'back up what is there (`pds backup <dir>`) before you do anything else'),
  'journal-broken': entry(
    'problems',
    'compare with an earlier `pds log --json`; treat the account as tampered with',
  ),
  // The contract suite
  'server-silent': entry('failed', 'check the address and the network, then run the command again'),
  'not-a-pds': entry('failed', 'give the address of the PDS itself, such as https://pds.example.com'),
  'sign-in-refused': entry('failed', 'check --identifier and the password, or ADMIN_PASSWORD'),
  'bad-lexicons': entry(
    'usage',
    'correct the documents, or leave --lexicons out; install cirrus-pds again if they are its own',
  ),
  'account-has-records': entry(
    'usage',
    'give an account without records; or add --account-has-records if this one may be written to',
  ),
  'no-throw-away': entry(
    'failed',
    'give an account with --identifier; or CONTRACT_INVITE_CODE, if an invite code is what the server wants',
  ),
  'contract-broken': entry('problems', 'mend what the findings name, then run the same command again'),
  'contract-incomplete': entry('failed', 'read the reason, then run the same command again'),
  'identity-amiss': entry('problems', 'run `pds status`, which names the next command'),
} as const satisfies Record<string, Entry>
