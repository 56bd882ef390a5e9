import type { Flags } from '../terminal/args.ts'

/** The flags of `pds init`. */
export const initFlags = {
  hostname: { type: 'string', hint: 'name', help: 'Host name of this server: pds.example.com.' },
  handle: { type: 'string', hint: 'handle', help: 'Handle of the account: alice.example.com.' },
  web: { type: 'boolean', help: 'Identity: did:web of the host name.' },
  new: { type: 'boolean', help: 'Identity: a new did:plc, created now.' },
  did: { type: 'string', hint: 'did', help: 'Identity: an existing account, which moves in.' },
  'recovery-key': {
    type: 'string',
    hint: 'did:key',
    multiple: true,
    help: 'Your recovery key (public), above Cirrus’s own; may be repeated.\nDefault: one is created and saved in a file of its own.',
  },
  'no-recovery-key': { type: 'boolean', help: 'No recovery key: a stolen server key means a stolen DID.' },
  'plc-url': { type: 'string', hint: 'url', help: 'The PLC directory. Default: https://plc.directory' },
  package: {
    type: 'string',
    hint: 'spec',
    help: 'With a folder: what npm installs there as cirrus-pds. Default: this version or a later one.',
  },
  'no-install': { type: 'boolean', help: 'With a folder: do not run `npm install` there.' },
  force: { type: 'boolean', help: 'Make new keys even if there are keys already. It asks first.' },
} as const satisfies Flags
