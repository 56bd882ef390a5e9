import { isObject, type JsonObject } from '../../isObject.ts'
import { inWords, mediaType, type Answer } from '../ask.ts'
import { createRule } from '../createRule.ts'
import type { Area, Run } from '../types.ts'
import { inText } from '../inText.ts'

const SPEC = 'https://atproto.com/specs/oauth'

const rule = createRule('oauth', ['source', 'daily'])

const resource = rule(
  'resource-metadata',
  'must',
  'The metadata of the protected resource is JSON, names the server itself, and exactly one authorization server.',
  `${SPEC}#protected-resource-metadata`,
)
const server = rule(
  'server-metadata',
  'must',
  'The metadata of the authorization server has every field that the profile requires, with the values it requires.',
  `${SPEC}#authorization-server-metadata`,
)
const issuer = rule(
  'issuer',
  'must',
  'The issuer is the origin that the metadata was fetched from.',
  `${SPEC}#authorization-server-metadata; RFC 8414, section 3.3`,
)
const readable = rule(
  'metadata-cors',
  'should',
  'A web page of any origin may read the metadata.',
  '@atproto/oauth-client-browser fetches both documents from a web page',
)
const pushed = rule(
  'par-refuses',
  'must',
  'A pushed authorization request without parameters is refused with a 4xx status and an OAuth error.',
  `${SPEC}#authorization-requests; RFC 6749, section 5.2`,
)
const token = rule(
  'token-refuses',
  'must',
  'A token request with a made-up code is refused with a 4xx status and an OAuth error.',
  'RFC 6749, section 5.2',
)
const dpop = rule(
  'dpop-challenge',
  'must',
  'A resource request with a DPoP token that is not valid is 401 with a DPoP challenge.',
  `${SPEC}#dpop; RFC 9449, section 7.1`,
)
const noStore = rule(
  'no-store',
  'should',
  'Answers of the token and PAR endpoints are not stored.',
  'RFC 6749, section 5.1; RFC 9126, section 2.2',
)

const RESOURCE_PATH = '/.well-known/oauth-protected-resource'
const SERVER_PATH = '/.well-known/oauth-authorization-server'

const fieldsOf = (json: unknown): JsonObject => (isObject(json) ? json : {})
const has = (fields: JsonObject, name: string, ...values: string[]): boolean => {
  const list = fields[name]
  return Array.isArray(list) && values.every((value) => list.includes(value))
}

/** What the profile requires of the authorization server, field by field. */
function* metadataProblems(fields: JsonObject): Generator<string> {
  for (const name of ['authorization_endpoint', 'token_endpoint', 'pushed_authorization_request_endpoint'])
    if (typeof fields[name] !== 'string' || !URL.canParse(fields[name])) yield `${name} is not a URL`
  const lists: Record<string, string[]> = {
    response_types_supported: ['code'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
    token_endpoint_auth_signing_alg_values_supported: ['ES256'],
    scopes_supported: ['atproto'],
    dpop_signing_alg_values_supported: ['ES256'],
  }
  for (const [name, values] of Object.entries(lists))
    if (!has(fields, name, ...values)) yield `${name} lacks ${values.join(' or ')}`
  for (const name of [
    'authorization_response_iss_parameter_supported',
    'require_pushed_authorization_requests',
    'client_id_metadata_document_supported',
  ])
    if (fields[name] !== true) yield `${name} is not true`
  if (has(fields, 'token_endpoint_auth_signing_alg_values_supported', 'none'))
    yield 'unsigned client assertions are taken'
}

const metadataProblem = ({ status, headers, json }: Answer): string | undefined => {
  if (status !== 200) return `${status}`
  if (mediaType(headers) !== 'application/json') return mediaType(headers) || 'no content type'
  return isObject(json) ? undefined : 'not an object'
}

const oauthErrorProblem = (answer: Answer): string | undefined => {
  const { status, error } = answer
  if (status < 400 || status >= 500) return inWords(answer)
  return error === undefined ? `${status} without an error` : undefined
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

/** The path of an endpoint, if it is one of this server. */
const pathOf = (origin: string, fields: JsonObject, name: string): string | undefined => {
  const url = fields[name]
  if (typeof url !== 'string' || !URL.canParse(url)) return undefined
  const { origin: own, pathname } = new URL(url)
  return own === new URL(origin).origin ? pathname : undefined
}

async function checkRefusals(run: Run, fields: JsonObject): Promise<void> {
  const bodies = [
    [pushed, 'pushed_authorization_request_endpoint', ''],
    [token, 'token_endpoint', 'grant_type=authorization_code&code=made-up&client_id=http%3A%2F%2Flocalhost'],
  ] as const
  for (const [refusal, name, body] of bodies) {
    const path = pathOf(run.origin, fields, name)
    if (path === undefined) {
      run.unclear(refusal, { subject: name, case: 'a bad request' }, 'the endpoint is on another host')
      continue
    }
    const place = { subject: path, case: 'a bad request' }
    let answer: Answer | undefined
    await run.expect(refusal, place, async (ask) => {
      answer = await ask('', { path, verb: 'POST', headers: FORM, body })
      return oauthErrorProblem(answer)
    })
    if (answer === undefined) continue
    const caching = answer.headers.get('cache-control') ?? 'no cache-control'
    run.judge(noStore, place, caching.includes('no-store') ? undefined : caching, [answer])
  }
}

/** OAuth, where the server has it: what a client reads first, and the errors that it acts on. */
export const oauth: Area = {
  name: 'oauth',
  rules: [resource, server, issuer, readable, pushed, token, dpop, noStore],
  async check(run) {
    const first = await run.ask('', { path: RESOURCE_PATH })
    if (first.status === 404) return run.absent('OAuth', RESOURCE_PATH)
    let authorizationServer: unknown
    await run.expect(resource, { subject: RESOURCE_PATH, case: 'a GET' }, async (ask) => {
      const answer = await ask('', { path: RESOURCE_PATH })
      const fields = fieldsOf(answer.json)
      const servers = fields['authorization_servers']
      authorizationServer = Array.isArray(servers) ? servers[0] : undefined
      const problem = metadataProblem(answer)
      if (problem !== undefined) return problem
      if (fields['resource'] !== run.origin) return `resource is ${inText(fields['resource'])}`
      return Array.isArray(servers) && servers.length === 1 ? undefined : 'not one authorization server'
    })
    await run.expect(
      dpop,
      { subject: 'com.atproto.server.getSession', case: 'a made-up DPoP token' },
      async (ask) => {
        const { status, headers } = await ask('com.atproto.server.getSession', {
          headers: { authorization: 'DPoP made-up', dpop: 'made-up' },
        })
        const challenge = headers.get('www-authenticate') ?? 'no www-authenticate'
        return status === 401 && /^DPoP\b/i.test(challenge) ? undefined : `${status}, ${challenge}`
      },
    )
    await run.expect(readable, { subject: RESOURCE_PATH, case: 'a GET' }, async () =>
      first.headers.get('access-control-allow-origin') === '*' ? undefined : 'no access-control-allow-origin',
    )
    if (authorizationServer !== run.origin)
      return run.unclear(
        server,
        { subject: SERVER_PATH, case: 'a GET' },
        `the authorization server is ${inText(authorizationServer)}: run the suite there`,
      )
    let fields: JsonObject | undefined
    await run.expect(server, { subject: SERVER_PATH, case: 'a GET' }, async (ask) => {
      const answer = await ask('', { path: SERVER_PATH })
      const problem = metadataProblem(answer)
      if (problem !== undefined) return problem
      fields = fieldsOf(answer.json)
      return [...metadataProblems(fields)].join('; ') || undefined
    })
    const read = fields
    if (read === undefined)
      return run.unclear(issuer, { subject: SERVER_PATH, case: 'a GET' }, 'the metadata could not be read')
    await run.expect(issuer, { subject: SERVER_PATH, case: 'a GET', expected: run.origin }, async () =>
      read['issuer'] === run.origin ? undefined : inText(read['issuer']),
    )
    await checkRefusals(run, read)
  },
}
