import type { Output as MethodOutput } from '../../client/index.ts'
import { orServerError } from '../servers/serverErrors.ts'
import { command } from '../command.ts'
import { count, type Paint } from '../terminal/output.ts'
import { grantsText } from './grants.ts'

type ListedSession = MethodOutput<'com.cirrus.admin.listSessions'>['sessions'][number]

const MEANINGS: Record<string, string> = {
  createSession: 'signed in with the account password',
  createAccount: 'moved the account in',
}

/** How the session was opened; nothing if it is from before this was recorded. */
const opened = ({ via, appPassword }: ListedSession): string => {
  if (appPassword !== undefined) return `, signed in with the app password ${JSON.stringify(appPassword)}`
  return via === undefined ? '' : `, ${MEANINGS[via] ?? via}`
}

const sessionText = (session: ListedSession, paint: Paint): string =>
  [
    `${paint('bold', session.id)}  ${session.client ?? 'unknown client'}`,
    `  since ${session.createdAt}, last used ${session.lastUsedAt}${opened(session)}`,
  ].join('\n')

export const sessions = command({
  name: 'sessions',
  summary: 'List who is signed in: client, since when, last use, and the id that ends it.',
  description:
    'Sessions, which a password opened, and grants, which apps have by OAuth. What was used last comes first. A client\n' +
    'says itself what it is. `pds end-sessions` ends sessions, `pds grants end` grants, and `pds revoke-tokens` migration\n' +
    'tokens, which are neither. `pds app-password list` lists the passwords that apps sign in with.',
  async run({ admin, out }) {
    const server = await admin()
    const listed = await orServerError(server.com.cirrus.admin.listSessions())
    const { grants } = await orServerError(server.com.cirrus.admin.listGrants())
    const { sessions } = listed
    const lists = [
      ...(sessions.length === 0
        ? []
        : [
            `${count(sessions.length, 'session')}:`,
            ...sessions.map((session) => sessionText(session, out.paint)),
          ]),
      ...(grants.length === 0 ? [] : [grantsText(grants, out.paint)]),
    ]
    const text = lists.length === 0 ? 'Nobody is signed in.' : lists.join('\n')
    out.result({ ok: true, ...listed, grants }, text)
  },
})
