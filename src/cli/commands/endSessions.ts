import { orServerError } from '../servers/serverErrors.ts'
import { command } from '../command.ts'
import { CliError } from '../errors.ts'
import { count } from '../terminal/output.ts'

export const endSessions = command({
  name: 'end-sessions',
  summary: 'Sign a client out, or all of them: their tokens are refused from now on.',
  description:
    'It asks first. If a session is not yours, also revoke the app password that it was opened with\n' +
    '(`pds app-password revoke`), or set another account password (`pds set-password`). `--all` also takes the access of\n' +
    'the apps that `pds grants` lists, and signs you out of the pages in every browser.',
  positionals: [{ name: 'id', help: 'The session, as `pds sessions` lists it.', optional: true }],
  flags: { all: { type: 'boolean', help: 'End every session, every grant, and the sign-ins of browsers.' } },
  examples: ['pds end-sessions --all', 'pds end-sessions 3f2a…'],
  async run({ admin, out, prompts }, { all }, [id]) {
    if ((id === undefined) !== all)
      throw new CliError('usage', 'pds end-sessions takes the id of a session, or --all', {
        next: 'run `pds sessions`, which lists them',
      })
    const server = await admin()
    await prompts.confirm(
      id === undefined
        ? 'End every session and every grant? Every app, and every browser, has to sign in again.'
        : `End the session ${id}?`,
    )
    const answer = await orServerError(
      server.com.cirrus.admin.endSessions(id === undefined ? { all: true } : { id }),
      { SessionNotFound: 'session-not-found' },
    )
    const { ended, grants, browsers } = answer
    const others = [
      ...(grants ? [count(grants, 'grant')] : []),
      ...(browsers ? [count(browsers, 'browser')] : []),
    ]
    out.result({ ok: true, ...answer }, `${[count(ended, 'session'), ...others].join(', ')} ended.`)
  },
})
