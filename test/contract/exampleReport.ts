import type { Exchange } from '../../src/contract/exchange.ts'
import type { Finding, Outcome, Report, Rule } from '../../src/contract/types.ts'

const rule = (id: string, level: Rule['level'], sentence: string, source: string): Rule => ({
  id,
  level,
  sentence,
  source,
  profiles: level === 'house' ? ['daily'] : ['source', 'daily'],
})

const NO_FAILURE = rule(
  'answer.no-failure',
  'must',
  'No request makes the server fail.',
  'https://atproto.com/specs/xrpc#summary-of-http-status-codes: 500 is an internal error',
)
const CORS = rule(
  'answer.cors',
  'should',
  'Every answer may be read by a web page of any origin, and none of them with cookies.',
  'https://atproto.com/specs/xrpc#cors; web apps such as bsky.app talk to the PDS directly',
)
const EXPORT = rule(
  'repo.export',
  'must',
  'getRepo answers with a CAR, of the type application/vnd.ipld.car.',
  'https://atproto.com/specs/sync#repository-export',
)
const PROOF = rule(
  'repo.proof-of-presence',
  'must',
  'getRecord of com.atproto.sync proves that a record is there.',
  'https://atproto.com/specs/repository#commit-objects',
)

const ORIGIN = 'https://pds.example.com'

const exchange = (id: string, more: Partial<Exchange> = {}): Exchange => ({
  curl: `curl -i '${ORIGIN}/xrpc/${id}?did=did%3Aplc%3Aewvi7nxzyoun6zhxrhs64oiz'`,
  status: 200,
  headers: { 'access-control-allow-origin': '*', 'content-type': 'application/json' },
  body: '{"cursor":"2222222222222"}',
  ...more,
})

export const finding = (
  about: Rule,
  subject: string,
  outcome: Outcome,
  more: Partial<Finding> = {},
): Finding => ({
  rule: about,
  subject,
  case: 'a valid request',
  outcome,
  expected: about.sentence,
  got: outcome === 'kept' ? 'as expected' : 'something else',
  exchanges: [exchange(subject)],
  ...more,
})

/** A run as it may end: something of every kind. */
export const exampleReport = (more: Partial<Report> = {}): Report => ({
  origin: ORIGIN,
  server: 'reference',
  version: '0.5.35',
  did: 'did:plc:ewvi7nxzyoun6zhxrhs64oiz',
  profiles: ['source', 'target', 'daily'],
  house: false,
  interrupted: false,
  incomplete: [],
  findings: [
    finding(NO_FAILURE, 'com.atproto.sync.listRepos', 'broken', {
      case: 'a limit of 0',
      got: '500 InternalServerError',
      exchanges: [
        exchange('com.atproto.sync.listRepos', {
          status: 500,
          body: '{"error":"InternalServerError","message":"Internal Server Error"}',
        }),
      ],
    }),
    finding(NO_FAILURE, 'com.atproto.sync.getRepo', 'kept', { case: 'any request' }),
    finding(NO_FAILURE, 'com.atproto.sync.getBlob', 'known', {
      case: 'any request',
      got: '500 InternalServerError',
      reason: 'A token that does not decode is a failure where service tokens are taken: a bug.',
    }),
    finding(CORS, 'com.atproto.server.describeServer', 'broken', {
      got: 'access-control-allow-origin is not *',
    }),
    finding(CORS, 'com.atproto.repo.getRecord', 'kept'),
    finding(EXPORT, 'com.atproto.sync.getRepo', 'kept', { case: 'the whole repository' }),
    finding(EXPORT, 'com.atproto.sync.getRepo', 'kept', { case: 'since the second revision' }),
    finding(PROOF, 'com.atproto.sync.getRecord', 'unclear', {
      got: 'the account has no records',
      reason: 'the account has no records',
      exchanges: [],
    }),
  ],
  absent: ['com.atproto.temp.checkSignupQueue', 'OAuth'],
  stale: [{ rule: 'answer.cors', subject: 'everywhere', reason: 'It was so in an earlier version.' }],
  removed: ['the session'],
  left: [],
  requests: 412,
  startedAt: '2026-11-30T04:00:00.000Z',
  durationMs: 83_000,
  ...more,
})

/** What a server may send to take over what shows it. */
export const HOSTILE =
  '</pre></details></script><script>document.title="taken"</script><img src=x onerror="document.title=\'taken\'">' +
  '"\'><b class=injected>x</b> ]]> <!-- \u0000\u001b[31m\u202e\ud800 &amp;'

/** A run in which every text that a server writes is hostile. */
export const hostileReport = (): Report =>
  exampleReport({
    version: HOSTILE,
    did: HOSTILE,
    absent: [HOSTILE],
    left: [HOSTILE],
    removed: [HOSTILE],
    stale: [{ rule: 'answer.cors', subject: HOSTILE, reason: HOSTILE }],
    incomplete: [{ area: 'repo', reason: HOSTILE }],
    findings: exampleReport().findings.map((one) => ({
      ...one,
      subject: HOSTILE,
      case: HOSTILE,
      got: HOSTILE,
      ...(one.reason === undefined ? {} : { reason: HOSTILE }),
      exchanges: [{ curl: HOSTILE, status: 200, headers: { [HOSTILE]: HOSTILE }, body: HOSTILE }],
    })),
  })
