import type { Flags, Positional } from '../terminal/args.ts'

export const POSITIONALS = [
  { name: 'url', help: 'The server: pds.example.com, or http://localhost:2583.', optional: true },
] as const satisfies readonly Positional[]

export const FLAGS = {
  profile: {
    type: 'string',
    hint: 'name',
    multiple: true,
    help: 'What one wants to know. source: an account can leave; target: one can\nmove in; daily: apps can live on it; all, the default. May be repeated.',
  },
  only: {
    type: 'string',
    hint: 'name',
    multiple: true,
    help: 'Only this method, rule or part, or those whose names begin so:\ncom.atproto.sync, params, params.unknown-ignored. May be repeated.',
  },
  strict: { type: 'boolean', help: 'The exit code counts rules of level should, too.' },
  house: { type: 'boolean', help: 'Also what only a Cirrus promises, which the exit code then counts, too.' },
  did: {
    type: 'string',
    hint: 'did',
    help: 'The account to read. Default: the one that signs in, or the first of listRepos.',
  },
  lexicons: {
    type: 'string',
    hint: 'dir',
    help: 'Lexicon documents (.json) of more methods; they replace those of the same name.',
  },
  plc: { type: 'string', hint: 'url', help: 'The PLC directory. Default: https://plc.directory.' },
  rate: {
    type: 'string',
    hint: 'number',
    help: 'At most so many requests a second. Default: 5; on this machine, no limit.',
  },
  identifier: {
    type: 'string',
    hint: 'handle',
    help: 'Sign in: handle or DID. The password comes from CONTRACT_PASSWORD, or is asked for.',
  },
  write: {
    type: 'boolean',
    help: 'Also write: records, blobs, sessions, deactivation and activation. Cleans up\nwhat it made. Needs --identifier or --throw-away.',
  },
  'throw-away': {
    type: 'boolean',
    help: 'With --write: make an account with a made-up name, which stays, deactivated,\nunless --mail is given; and with --plc have a second one move in.\nInvite code: CONTRACT_INVITE_CODE.',
  },
  mail: {
    type: 'boolean',
    help: 'With --write: the server sends mails to the account’s address, with codes that\nare asked for in the terminal: for a PLC signature, which is sent nowhere, and\nto delete the accounts that --throw-away has made, so that none stays.',
  },
  'mail-code-from': {
    type: 'string',
    hint: 'command',
    help: 'The same as --mail, and a command prints each code: see docs/contract.md.',
  },
  email: {
    type: 'string',
    hint: 'address',
    help: 'The address of the accounts that --throw-away makes: --mail needs one that\nyou read.',
  },
  'account-has-records': {
    type: 'boolean',
    help: 'The account may have records. Without it, --write takes an empty one only.',
  },
  junit: { type: 'string', hint: 'file', help: 'Write the findings as JUnit XML, too.' },
  html: { type: 'string', hint: 'file', help: 'Write them as one page for a browser, too.' },
  json: { type: 'boolean', help: 'Print the report, or the error, as one JSON object.' },
  'list-rules': { type: 'boolean', help: 'Print every rule, and ask nothing.' },
  url: { type: 'string', hint: 'url', help: 'The same as the first argument.' },
  help: { type: 'boolean', short: 'h', help: 'Print this help.' },
} as const satisfies Flags
