import { CliError } from '../errors.ts'
import { command } from '../command.ts'
import { addRecoveryKey } from '../recovery/addRecoveryKey.ts'
import { createRecoveryKey } from '../recovery/createRecoveryKey.ts'

export const recoveryKey = command({
  name: 'recovery-key',
  summary: 'Create a recovery key, or put one above every other rotation key of the DID.',
  description:
    'A recovery key stands above the keys of servers: for 72 hours it can undo what they sign, also a move.\n' +
    '`create` writes the key into a file that only you can read; it is sent to nobody. `add` shows the operation that puts\n' +
    'its public half first, and asks. With --identifier it does that for an account on any other PDS, which\n' +
    'mails a code; the password is asked for, or read from standard input or PDS_SOURCE_PASSWORD.',
  positionals: [
    { name: 'create|add', help: 'What to do.' },
    { name: 'file', help: 'The file of the key. For `add` also its public half: did:key:z…' },
  ],
  flags: {
    curve: { type: 'string', hint: 'curve', help: 'With `create`: k256 (the default) or p256.' },
    from: {
      type: 'string',
      hint: 'host',
      help: 'With --identifier: the PDS that the account is on. Default: the one that the DID names.',
    },
    identifier: {
      type: 'string',
      hint: 'name',
      help: 'With `add`: an account on any PDS, by its handle or DID. You sign in there.',
    },
  },
  examples: [
    'pds recovery-key create /media/stick/recovery-key.json',
    'pds recovery-key add /media/stick/recovery-key.json',
    'pds recovery-key add did:key:zQ3sh… --from https://old.example.com --identifier alice.example.com',
  ],
  async run(context, { curve, from, identifier }, [action, file]) {
    const usage = (message: string) =>
      new CliError('usage', `pds recovery-key: ${message}`, { next: 'run `pds recovery-key --help`' })
    if (action !== 'create' && action !== 'add') throw usage(`"${action}" is neither create nor add`)
    if (action === 'create') {
      if (from !== undefined || identifier !== undefined) throw usage('--from and --identifier are for `add`')
      return await createRecoveryKey(context, file, curve)
    }
    if (curve !== undefined) throw usage('--curve is for `create`')
    if (from !== undefined && identifier === undefined) throw usage('--from needs --identifier')
    await addRecoveryKey(context, file, identifier === undefined ? undefined : { from, identifier })
  },
})
