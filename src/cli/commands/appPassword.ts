import type { Client, Output as MethodOutput } from '../../client/index.ts'
import { orServerError } from '../servers/serverErrors.ts'
import { command, type Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { count, type Paint } from '../terminal/output.ts'

type Listed = MethodOutput<'com.atproto.server.listAppPasswords'>['passwords'][number]

const listed = async (server: Client): Promise<Listed[]> =>
  (await orServerError(server.com.atproto.server.listAppPasswords())).passwords

const lineOf = ({ name, createdAt, privileged }: Listed, paint: Paint): string =>
  `${paint('bold', name)}  since ${createdAt}${privileged ? ', privileged' : ''}`

const list = async ({ out }: Context, server: Client): Promise<void> => {
  const passwords = await listed(server)
  const text =
    passwords.length === 0
      ? 'There are no app passwords.'
      : [
          `${count(passwords.length, 'app password')}:`,
          ...passwords.map((password) => lineOf(password, out.paint)),
        ].join('\n')
  out.result({ ok: true, passwords }, text)
}

const create = async ({ out }: Context, server: Client, name: string, privileged: boolean): Promise<void> => {
  const made = await orServerError(server.com.atproto.server.createAppPassword({ name, privileged }))
  out.note('It is shown only now. Paste it into the app where it asks for the password.')
  out.result({ ok: true, ...made }, made.password)
}

const revoke = async ({ out, prompts }: Context, server: Client, typed: string): Promise<void> => {
  // As the server keeps names: some keyboards and terminals write an accent as a character of its own.
  const name = typed.normalize('NFC')
  const known = await listed(server)
  if (!known.some((password) => password.name === name))
    throw new CliError('app-password-not-found', `there is no app password ${JSON.stringify(name)}`)
  await prompts.confirm(`Revoke the app password ${JSON.stringify(name)}? Apps that use it are signed out.`)
  await orServerError(server.com.atproto.server.revokeAppPassword({ name }))
  out.result({ ok: true, name }, `${JSON.stringify(name)} is revoked, and its sessions have ended.`)
}

export const appPassword = command({
  name: 'app-password',
  summary:
    'Create, list or revoke app passwords: one for each app, which opens less than the account password.',
  description:
    'An app that has one reads and writes posts, blobs and preferences. It cannot move, deactivate or delete the\n' +
    'account, change its handle, or make other passwords. `create` prints the password on stdout, and it is shown\n' +
    'only then; `revoke` signs its apps out at once.',
  positionals: [
    { name: 'create|list|revoke', help: 'What to do.' },
    {
      name: 'name',
      help: 'The password’s name, such as the app that it is for. Not for `list`.',
      optional: true,
    },
  ],
  flags: {
    privileged: { type: 'boolean', help: 'With `create`: it also opens direct messages.' },
  },
  examples: [
    'pds app-password create "Graysky on my phone"',
    'pds app-password create chat --privileged',
    'pds app-password list',
    'pds app-password revoke chat',
  ],
  async run(context, { privileged }, [action, name]) {
    const isUsageRight = action === 'list' ? name === undefined && !privileged : name !== undefined
    if (
      !['create', 'list', 'revoke'].includes(action) ||
      !isUsageRight ||
      (privileged && action !== 'create')
    )
      throw new CliError(
        'usage',
        'pds app-password takes `create <name>`, with or without --privileged, `list`, or `revoke <name>`',
        { next: 'run `pds app-password --help`' },
      )
    const server = await context.admin()
    if (name === undefined) await list(context, server)
    else if (action === 'create') await create(context, server, name, privileged)
    else await revoke(context, server, name)
  },
})
