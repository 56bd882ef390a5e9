/** What can be wrong with the answers of a method, whatever they are about, each with the rule that finds it. */
import { NOWHERE } from '../../../src/contract/discover.ts'
import type { Call, Fault } from '../repository/world.ts'
import { CORS, failsWith, json, jsonAs, on, type Planted, spoil, withHeader } from '../repository/spoil.ts'
import { always, despite, give, header, instead, refuse } from './plant.ts'

const GET_HEAD = 'com.atproto.sync.getHead'
const GET_REPO = 'com.atproto.sync.getRepo'
const JOURNAL = 'com.cirrus.admin.getJournal'
const PREFERENCES = 'app.bsky.actor.getPreferences'
const SIGN_IN = 'com.atproto.server.createSession'
const UNKNOWN = 'com.example.unknown'

const AWAY = ['RepoDeactivated', 'AccountDeactivated']

const says = (message: unknown): Response => json({ error: 'InvalidRequest', message }, 400)
const withStatus = (id: string, status: number): Fault =>
  on(id, async ({ verb }, answer) => {
    const given = await answer()
    const isSpoiled = given.status === 200 && verb !== 'OPTIONS'
    return isSpoiled ? new Response(given.body, { status, headers: given.headers }) : given
  })
const absent = (id: string): Fault => on(id, () => refuse(501, 'MethodNotImplemented'))
const isCut = async (call: Call): Promise<boolean> => (await call.body()) === '{"a":'
const madeUpCursor = ({ params }: { params: URLSearchParams }): boolean =>
  params.get('cursor') === 'contract-suite'

export const answerFaults: readonly Planted[] = [
  {
    name: 'no web page may read it',
    rule: 'answer.cors',
    fault: header(GET_HEAD, 'access-control-allow-origin', null),
  },
  {
    name: 'web pages may read it with cookies',
    rule: 'answer.cors',
    fault: header(GET_HEAD, 'access-control-allow-credentials', 'true'),
  },
  {
    name: 'a page in place of an error',
    rule: 'answer.error-shape',
    also: ['params.house-name', 'verbs.house-name', 'credentials.house-name', 'credentials.house-weak'],
    because: 'a page has no name of an error',
    fault: on(GET_HEAD, async ({ verb }, answer) => {
      const given = await answer()
      if (given.status < 400 || verb === 'HEAD' || verb === 'OPTIONS') return given
      const page = withHeader(given, 'content-type', 'text/html')
      return new Response('<h1>Bad Request</h1>', page)
    }),
  },
  {
    name: 'an error without a name',
    rule: 'answer.error-shape',
    fault: instead(JOURNAL, madeUpCursor, () => json({ message: 'seeded' }, 400)),
  },
  {
    name: 'an error with a number for a message',
    rule: 'answer.error-shape',
    fault: instead(JOURNAL, madeUpCursor, () => says(5)),
  },
  {
    name: 'an unknown parameter makes it fail',
    rule: 'answer.no-failure',
    fault: instead(
      GET_HEAD,
      ({ params }) => params.has('contractSuiteUnknown'),
      () => refuse(500, 'InternalServerError'),
    ),
  },
  {
    name: 'a sign-in with JSON that is cut makes it fail',
    rule: 'answer.no-failure',
    fault: instead(SIGN_IN, isCut, () => refuse(500, 'InternalServerError')),
  },
  {
    name: 'success is 201',
    rule: 'output.status',
    also: ['reads.valid'],
    because: 'a valid read is answered 200',
    fault: withStatus(GET_HEAD, 201),
  },
  {
    name: 'the answer is elsewhere',
    rule: 'output.no-redirect',
    fault: failsWith(
      GET_HEAD,
      () => new Response(null, { status: 302, headers: { ...CORS, location: '/elsewhere' } }),
    ),
  },
  {
    name: 'JSON as text',
    rule: 'output.encoding',
    fault: spoil(GET_HEAD, (answer) => withHeader(answer, 'content-type', 'text/plain')),
  },
  {
    name: 'a CAR as plain bytes',
    rule: 'output.encoding',
    fault: spoil('com.atproto.sync.getCheckout', (answer) =>
      withHeader(answer, 'content-type', 'application/octet-stream'),
    ),
  },
  {
    name: 'a body where none is declared',
    rule: 'output.none',
    fault: spoil('app.bsky.actor.putPreferences', () => give({ ok: true })),
  },
  {
    name: 'a required field is left out',
    rule: 'output.schema',
    fault: jsonAs(GET_HEAD, () => ({})),
  },
  {
    name: 'a field of another type',
    rule: 'output.schema',
    fault: jsonAs('com.atproto.temp.checkSignupQueue', () => ({ activated: 'yes' })),
  },
  {
    name: 'JSON that is cut',
    rule: 'output.schema',
    fault: spoil(GET_HEAD, async (answer) => new Response((await answer.text()).slice(0, -2), answer)),
  },
  {
    name: 'a time without its zone',
    rule: 'output.formats',
    fault: jsonAs(JOURNAL, ({ entries, ...more }: { entries: { at: string }[] }) => ({
      ...more,
      entries: entries.map((entry) => ({ ...entry, at: entry.at.replace('Z', '') })),
    })),
  },
  {
    name: 'preferences for shared caches',
    rule: 'output.private-not-shared',
    fault: spoil(PREFERENCES, (answer) => withHeader(answer, 'cache-control', 'public, max-age=60')),
  },
  {
    name: 'a deactivated account is 401',
    rule: 'errors.state-not-401',
    also: ['errors.house-name'],
    because: 'a Cirrus promises a status for each name',
    fault: despite(GET_REPO, AWAY, always, () => refuse(401, 'RepoDeactivated')),
  },
  {
    name: 'an error that is not declared',
    rule: 'errors.house-name',
    fault: instead(JOURNAL, madeUpCursor, () => refuse(400, 'BadCursor')),
  },
  {
    name: 'an error with the status of another',
    rule: 'errors.house-name',
    fault: instead(JOURNAL, madeUpCursor, () => refuse(413, 'InvalidRequest')),
  },
  {
    name: 'an error that tells where it was thrown',
    rule: 'errors.message-not-inside',
    fault: instead(JOURNAL, madeUpCursor, () => says('bad cursor\n    at read (/srv/journal.js:1:1)')),
  },
  {
    name: 'nobody can ask for a signature',
    rule: 'served.source',
    fault: absent('com.atproto.identity.requestPlcOperationSignature'),
  },
  {
    name: 'no repository can be imported',
    rule: 'served.target',
    fault: on('com.atproto.repo.importRepo', () => new Response('Not found', { status: 404 })),
  },
  {
    name: 'records cannot be proved',
    rule: 'served.daily',
    fault: absent('com.atproto.sync.getRecord'),
  },
  { name: 'no preferences', rule: 'served.preferences', fault: absent(PREFERENCES) },
  {
    name: 'every method exists',
    rule: 'unknown.refused',
    also: ['unknown.house-name'],
    because: 'what is not refused has no name either',
    fault: on(UNKNOWN, () => give({})),
  },
  {
    name: 'an unknown method is 404',
    rule: 'unknown.house-name',
    fault: on(UNKNOWN, () => refuse(404, 'NotFound')),
  },
  {
    name: 'a query by POST',
    rule: 'verbs.wrong-refused',
    also: ['verbs.house-name'],
    because: 'what is not refused has no name either',
    fault: instead(
      GET_HEAD,
      ({ verb }) => verb === 'POST',
      () => give({ root: NOWHERE.cid }),
    ),
  },
  {
    name: 'a procedure by GET',
    rule: 'verbs.wrong-refused',
    also: ['verbs.house-name'],
    because: 'what is not refused has no name either',
    fault: instead(
      'com.atproto.server.activateAccount',
      ({ verb }) => verb === 'GET',
      () => new Response(null, json({})),
    ),
  },
  {
    name: 'a wrong verb is 403',
    rule: 'verbs.house-name',
    fault: instead(
      GET_HEAD,
      ({ verb }) => verb === 'POST',
      () => refuse(403, 'Forbidden'),
    ),
  },
  {
    name: 'HEAD is not served',
    rule: 'verbs.head',
    fault: on(GET_HEAD, ({ verb }, answer) => (verb === 'HEAD' ? new Response(null, refuse(404)) : answer())),
  },
  {
    name: 'HEAD comes with a body',
    rule: 'verbs.head',
    fault: on(GET_HEAD, async ({ verb }, answer) => {
      const given = await answer()
      return verb === 'HEAD' ? new Response('{}', given) : given
    }),
  },
  {
    name: 'a preflight without the credential',
    rule: 'cors.preflight',
    fault: header(GET_HEAD, 'access-control-allow-headers', '*', ['OPTIONS']),
  },
  {
    name: 'a preflight is refused',
    rule: 'cors.preflight',
    fault: on(GET_HEAD, ({ verb }, answer) => (verb === 'OPTIONS' ? refuse(403, 'Forbidden') : answer())),
  },
]
