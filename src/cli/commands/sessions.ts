import type { Output as MethodOutput } from '../../client/index.ts'
import { orServerError } from '../servers/serverErrors.ts'
import { command } from '../command.ts'
import { count, type Paint } from '../terminal/output.ts'

type ListedSession = MethodOutput<'com.cirrus.admin.listSessions'>['sessions'][number]

const MEANINGS: Record<string, string> = {
  createSession: 'signed in with the password',
  createAccount: 'moved the account in',
}

const sessionText = ({ id, client, via, createdAt, lastUsedAt }: ListedSession, paint: Paint): string =>
  [
    `${paint('bold', id)}  ${client ?? 'unknown client'}`,
    `  since ${createdAt}, last used ${lastUsedAt}${via === undefined ? '' : `, ${MEANINGS[via] ?? via}`}`,
  ].join('\n')

export const sessions = command({
  name: 'sessions',
  summary: 'List who is signed in: client, since when, last use, and the id for `pds end-sessions`.',
  description:
    'The session that was used last comes first. A client says itself what it is. Migration tokens are not sessions:\n' +
    '`pds revoke-tokens` ends those.',
  async run({ admin, out }) {
    const server = await admin()
    const listed = await orServerError(server.com.cirrus.admin.listSessions())
    const text =
      listed.sessions.length === 0
        ? 'Nobody is signed in.'
        : [
            `${count(listed.sessions.length, 'session')}:`,
            ...listed.sessions.map((session) => sessionText(session, out.paint)),
          ].join('\n')
    out.result({ ok: true, ...listed }, text)
  },
})
