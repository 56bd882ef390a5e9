import type { Output as MethodOutput } from '../../client/index.ts'
import { orServerError } from '../servers/serverErrors.ts'
import { command } from '../command.ts'
import { count, type Paint } from '../terminal/output.ts'
import { grantsText } from './grants.ts'

type Listed = MethodOutput<'com.cirrus.admin.listSessions'>
type ListedSession = Listed['sessions'][number]
type ListedBrowser = NonNullable<Listed['browsers']>[number]

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

const browserText = ({ id, client, via, createdAt, expiresAt }: ListedBrowser, paint: Paint): string =>
  [
    `${paint('bold', id)}  ${client ?? 'unknown browser'}`,
    `  since ${createdAt}, until ${expiresAt}, signed in with ${via === 'passkey' ? 'a passkey' : 'the account password'}`,
  ].join('\n')

/** A list under its heading; nothing where it is empty. */
const section = (heading: string, texts: readonly string[]): string[] =>
  texts.length === 0 ? [] : [`${heading}:`, ...texts]

export const sessions = command({
  name: 'sessions',
  summary: 'List who is signed in: client, since when, last use, and the id that ends it.',
  description:
    'Sessions, which a password opened, browsers in which the pages of the account are open to you, and grants, which\n' +
    'apps have by OAuth. A client says itself what it is. `pds end-sessions` ends sessions and browsers, `pds grants end`\n' +
    'grants, and `pds revoke-tokens` migration tokens, which are none of these. `pds app-password list` lists the\n' +
    'passwords that apps sign in with.',
  async run({ admin, out }) {
    const server = await admin()
    const listed = await orServerError(server.com.cirrus.admin.listSessions())
    const { grants } = await orServerError(server.com.cirrus.admin.listGrants())
    const { sessions, browsers = [] } = listed
    const lines = [
      ...section(
        count(sessions.length, 'session'),
        sessions.map((session) => sessionText(session, out.paint)),
      ),
      ...section(
        `${count(browsers.length, 'browser')} on the pages of the account`,
        browsers.map((browser) => browserText(browser, out.paint)),
      ),
      ...(grants.length === 0 ? [] : [grantsText(grants, out.paint)]),
    ]
    out.result(
      { ok: true, ...listed, grants },
      lines.length === 0 ? 'Nobody is signed in.' : lines.join('\n'),
    )
  },
})
