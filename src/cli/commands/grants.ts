import type { Client, Output as MethodOutput } from '../../client/index.ts'
import { orServerError } from '../servers/serverErrors.ts'
import { command, type Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { pickById } from '../pickById.ts'
import { count, type Paint } from '../terminal/output.ts'

const WANTED = { one: 'grant', code: 'grant-not-found' } as const

type Listed = MethodOutput<'com.cirrus.admin.listGrants'>['grants'][number]

const grantText = (grant: Listed, paint: Paint): string =>
  [
    `${paint('bold', grant.id)}  ${grant.clientId}${grant.clientName === undefined ? '' : `, which calls itself ${JSON.stringify(grant.clientName)}`}`,
    `  since ${grant.createdAt}, last used ${grant.lastUsedAt}, until ${grant.expiresAt}`,
    `  ${grant.scope}`,
  ].join('\n')

/** The apps that have access, each with the id that ends it. */
export const grantsText = (grants: readonly Listed[], paint: Paint): string =>
  grants.length === 0
    ? 'No app has access by OAuth.'
    : [`${count(grants.length, 'grant')}:`, ...grants.map((grant) => grantText(grant, paint))].join('\n')

const listed = async (server: Client): Promise<Listed[]> =>
  (await orServerError(server.com.cirrus.admin.listGrants())).grants

const list = async ({ out }: Context, server: Client): Promise<void> => {
  const grants = await listed(server)
  out.result({ ok: true, grants }, grantsText(grants, out.paint))
}

const end = async ({ out, prompts }: Context, server: Client, given: string | undefined): Promise<void> => {
  const grant = given === undefined ? undefined : pickById(await listed(server), given, WANTED)
  await prompts.confirm(
    grant
      ? `End the grant ${grant.id} of ${grant.clientId}?`
      : 'End every grant? Every app has to sign in again.',
  )
  const { ended } = await orServerError(
    server.com.cirrus.admin.endGrants(grant ? { id: grant.id } : { all: true }),
    { GrantNotFound: WANTED.code },
  )
  out.result({ ok: true, ended }, `${count(ended, 'grant')} ended.`)
}

export const grants = command({
  name: 'grants',
  summary: 'List the apps that have access by OAuth, or take it from one or all.',
  description:
    'An app that signs in by OAuth gets a grant: what it may do is named by its scopes, and no password is given to it.\n' +
    'An app is its address; the name is what it calls itself. `end` asks first.',
  positionals: [
    { name: 'list|end', help: 'What to do.' },
    {
      name: 'id',
      help: 'With `end`: the grant, as `pds grants list` shows it, or the beginning of its id.',
      optional: true,
    },
  ],
  flags: { all: { type: 'boolean', help: 'With `end`: every grant.' } },
  examples: ['pds grants list', 'pds grants end 3f2a', 'pds grants end --all'],
  async run(context, { all }, [action, id]) {
    const isUsageRight =
      action === 'list' ? id === undefined && !all : action === 'end' && (id === undefined) === all
    if (!isUsageRight)
      throw new CliError('usage', 'pds grants takes `list`, `end <id>`, or `end --all`', {
        next: 'run `pds grants list`, which lists them',
      })
    const server = await context.admin()
    if (action === 'list') await list(context, server)
    else await end(context, server, id)
  },
})
