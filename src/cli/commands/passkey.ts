import { renderUnicodeCompact } from 'uqr'
import type { Client, Output as MethodOutput } from '../../client/index.ts'
import { command, type Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { isLoopback } from '../project/config.ts'
import { pickById } from '../pickById.ts'
import { orServerError } from '../servers/serverErrors.ts'
import { count, type Paint } from '../terminal/output.ts'

const WANTED = { one: 'passkey', by: 'name or id', code: 'passkey-not-found' } as const

type Listed = MethodOutput<'com.cirrus.admin.listPasskeys'>
type ListedPasskey = Listed['passkeys'][number]

const PASSWORD_BACK = 'The account password opens pages and sessions.'
const PASSWORD_OFF =
  'The account password opens neither pages nor sessions: sign in with a passkey in the browser; apps sign in by OAuth, or with an app password (`pds app-password create`).'

const listed = (server: Client): Promise<Listed> => orServerError(server.com.cirrus.admin.listPasskeys())

/** Where the passkey is: a device that is lost takes it along, or does not. */
const PLACES: Record<string, string> = {
  device: 'on one device only',
  eligible: 'on one device so far, can be synced to others',
  synced: 'synced to other devices',
}

const lineOf = ({ id, name, backup, createdAt, lastUsedAt }: ListedPasskey, paint: Paint): string => {
  const use = lastUsedAt === undefined ? 'never used' : `last used ${lastUsedAt}`
  const place = backup === undefined ? '' : `; ${PLACES[backup] ?? backup}`
  return `${paint('bold', name)}  since ${createdAt}, ${use}${place}\n  ${id}`
}

const list = async ({ out }: Context, server: Client): Promise<void> => {
  const { passkeys, passwordSignIn } = await listed(server)
  const lines =
    passkeys.length === 0
      ? ['There are no passkeys.']
      : [`${count(passkeys.length, 'passkey')}:`, ...passkeys.map((each) => lineOf(each, out.paint))]
  const text = [...lines, passwordSignIn ? PASSWORD_BACK : PASSWORD_OFF].join('\n')
  out.result({ ok: true, passkeys, passwordSignIn }, text)
}

const add = async ({ out }: Context, server: Client): Promise<void> => {
  const { url, expiresAt } = await orServerError(server.com.cirrus.admin.createPasskeyLink(), {
    PasskeysUnavailable: 'passkeys-unavailable',
  })
  const { host, origin } = new URL(url)
  const isHere = isLoopback(origin)
  if (!isHere) out.note(renderUnicodeCompact(url, { border: 2 }))
  out.note(
    [
      isHere
        ? 'Open the link in the browser on this computer that is to have the passkey. There is no code to scan: another device that opens this address finds itself.'
        : 'Open the link in the browser that is to have the passkey, or scan the code with the phone that is to have it.',
      `It works once, until ${expiresAt}; the first person who opens it gets a passkey of this account.`,
      `Passkeys belong to the host name ${host}: another one makes them worthless.`,
    ].join('\n'),
  )
  out.result({ ok: true, url, expiresAt }, url)
}

/** The passkey with this id, or the only one of this name, or else the only one whose id begins so. */
const pick = ({ passkeys }: Listed, wanted: string): ListedPasskey => {
  const name = wanted.normalize('NFC')
  const found = passkeys.filter((each) => each.id === wanted || each.name === name)
  const [only] = found
  if (only && found.length === 1) return only
  if (!only) return pickById(passkeys, wanted, WANTED)
  throw new CliError(
    'passkey-not-found',
    `${count(found.length, 'passkey')} are called ${JSON.stringify(name)}: give the id of one`,
  )
}

const remove = async ({ out, prompts }: Context, server: Client, wanted: string): Promise<void> => {
  const before = await listed(server)
  const { id, name } = pick(before, wanted)
  const isSwitchedBack = before.passkeys.length === 1 && !before.passwordSignIn
  await prompts.confirm(
    `Remove the passkey ${JSON.stringify(name)}? It signs nobody in any more.${isSwitchedBack ? ' It is the last one, so the account password is switched on again.' : ''}`,
  )
  const { passwordSignIn } = await orServerError(server.com.cirrus.admin.removePasskey({ id }), {
    PasskeyNotFound: 'passkey-not-found',
  })
  const text = `The passkey ${JSON.stringify(name)} is removed. ${passwordSignIn ? PASSWORD_BACK : PASSWORD_OFF}`
  out.result({ ok: true, id, name, passwordSignIn }, text)
}

const setPassword = async ({ out }: Context, server: Client, enabled: boolean): Promise<void> => {
  await orServerError(server.com.cirrus.admin.setPasswordSignIn({ enabled }), { NoPasskey: 'no-passkey' })
  out.result({ ok: true, passwordSignIn: enabled }, enabled ? PASSWORD_BACK : PASSWORD_OFF)
}

export const passkey = command({
  name: 'passkey',
  summary: 'Sign in to the pages without the password: register, list and remove passkeys.',
  description:
    '`add` prints a link that registers one passkey, within 10 minutes; on a terminal it is a QR code, too. Passkeys belong\n' +
    'to the host name of the server, and are worthless under another one. `password off` has the account password open\n' +
    'neither pages nor sessions any more; apps go on with app passwords and grants, and moving the account in still asks\n' +
    'for it. A lost device locks nobody out: `password on` needs the admin password only.',
  positionals: [
    { name: 'add|list|remove|password', help: 'What to do.' },
    {
      name: 'which',
      help: 'With `remove`: the passkey’s name, its id, or the beginning of that. With `password`: `on` or `off`.',
      optional: true,
    },
  ],
  examples: ['pds passkey add', 'pds passkey list', 'pds passkey remove laptop', 'pds passkey password off'],
  async run(context, _, [action, which]) {
    const isAlone = which === undefined
    const isUsageRight =
      action === 'remove'
        ? !isAlone
        : action === 'password'
          ? which === 'on' || which === 'off'
          : (action === 'add' || action === 'list') && isAlone
    if (!isUsageRight)
      throw new CliError(
        'usage',
        'pds passkey takes `add`, `list`, `remove <name or id>`, `password on` or `password off`',
        { next: 'run `pds passkey --help`' },
      )
    const server = await context.admin()
    if (action === 'add') await add(context, server)
    else if (action === 'list') await list(context, server)
    else if (action === 'remove') await remove(context, server, which ?? '')
    else await setPassword(context, server, which === 'on')
  },
})
