import type { Client } from '../../client/index.ts'
import { orServerError } from '../servers/serverErrors.ts'
import { command } from '../command.ts'
import { CliError } from '../errors.ts'
import { pickById } from '../pickById.ts'
import { count } from '../terminal/output.ts'

const WANTED = {
  one: 'session or browser',
  many: 'sessions or browsers',
  code: 'session-not-found',
} as const

/** The session or browser that is meant, with the question whether to end it. */
const pick = async (server: Client, given: string): Promise<{ id: string; question: string }> => {
  const { sessions, browsers = [] } = await orServerError(server.com.cirrus.admin.listSessions())
  const ends = [
    ...sessions.map(({ id, client }) => ({ id, client, end: 'End the session' })),
    ...browsers.map(({ id, client }) => ({ id, client, end: 'Sign out the browser' })),
  ]
  const { id, client, end } = pickById(ends, given, WANTED)
  return { id, question: `${end} ${id}${client === undefined ? '' : ` of ${client}`}?` }
}

export const endSessions = command({
  name: 'end-sessions',
  summary: 'Sign a client or a browser out, or all of them: their tokens are refused from now on.',
  description:
    'It asks first. If a session is not yours, also revoke the app password that it was opened with\n' +
    '(`pds app-password revoke`), or set another account password (`pds set-password`). `--all` also takes the access of\n' +
    'the apps that `pds grants` lists. An id that begins with - is given after `--`.',
  positionals: [
    {
      name: 'id',
      help: 'The session or browser, as `pds sessions` lists it, or the beginning of its id.',
      optional: true,
    },
  ],
  flags: { all: { type: 'boolean', help: 'End every session, every grant, and the sign-ins of browsers.' } },
  examples: ['pds end-sessions --all', 'pds end-sessions 3f2a'],
  async run({ admin, out, prompts }, { all }, [given]) {
    if ((given !== undefined) === all)
      throw new CliError('usage', 'pds end-sessions takes the id of a session or browser, or --all', {
        next: 'run `pds sessions`, which lists them',
      })
    const server = await admin()
    const picked = given === undefined ? undefined : await pick(server, given)
    await prompts.confirm(
      picked?.question ??
        'End every session and every grant? Every app, and every browser, has to sign in again.',
    )
    const answer = await orServerError(
      server.com.cirrus.admin.endSessions(picked ? { id: picked.id } : { all: true }),
      { SessionNotFound: WANTED.code },
    )
    const { ended, grants, browsers } = answer
    const parts = [
      ...(ended > 0 || !browsers ? [count(ended, 'session')] : []),
      ...(grants ? [count(grants, 'grant')] : []),
      ...(browsers ? [count(browsers, 'browser')] : []),
    ]
    out.result({ ok: true, ...answer }, `${parts.join(', ')} ended.`)
  },
})
