/** What can be wrong with OAuth, each with the rule that finds it. */
import { json, on, type Planted, withHeader } from '../repository/spoil.ts'
import type { Fault } from '../repository/world.ts'
import { change, header } from './plant.ts'

const RESOURCE = '/.well-known/oauth-protected-resource'
const SERVER = '/.well-known/oauth-authorization-server'
const PAR = '/oauth/par'
const TOKEN = '/oauth/token'

/** What an endpoint of OAuth answers in place of a refusal. */
const takes = (path: string, answer: () => Response): Fault =>
  on(path, ({ verb }, given) =>
    verb === 'POST' ? withHeader(answer(), 'cache-control', 'no-store') : given(),
  )

export const oauthFaults: readonly Planted[] = [
  {
    name: 'a resource with two authorization servers',
    rule: 'oauth.resource-metadata',
    fault: change(RESOURCE, (it) => ({
      ...it,
      authorization_servers: [it['authorization_servers'], 'https://other.example.com'].flat(),
    })),
  },
  {
    name: 'the metadata of another resource',
    rule: 'oauth.resource-metadata',
    fault: change(RESOURCE, (it) => ({ ...it, resource: 'https://other.example.com' })),
  },
  {
    name: 'code challenges that are the code',
    rule: 'oauth.server-metadata',
    fault: change(SERVER, (it) => ({ ...it, code_challenge_methods_supported: ['plain'] })),
  },
  {
    name: 'clients may sign with nothing',
    rule: 'oauth.server-metadata',
    fault: change(SERVER, (it) => ({
      ...it,
      token_endpoint_auth_signing_alg_values_supported: ['ES256', 'none'],
    })),
  },
  {
    name: 'an issuer with a slash at its end',
    rule: 'oauth.issuer',
    fault: change(SERVER, (it) => ({ ...it, issuer: `${String(it['issuer'])}/` })),
  },
  {
    name: 'no web page may read the metadata',
    rule: 'oauth.metadata-cors',
    fault: header(RESOURCE, 'access-control-allow-origin', null),
  },
  {
    name: 'a pushed request without parameters is taken',
    rule: 'oauth.par-refuses',
    fault: takes(PAR, () =>
      json({ request_uri: 'urn:ietf:params:oauth:request_uri:one', expires_in: 60 }, 201),
    ),
  },
  {
    name: 'a made-up code is refused without an error',
    rule: 'oauth.token-refuses',
    fault: takes(TOKEN, () => json({}, 400)),
  },
  {
    name: 'a bad proof is refused without a challenge',
    rule: 'oauth.dpop-challenge',
    fault: header('com.atproto.server.getSession', 'www-authenticate', null),
  },
  {
    name: 'caches may keep tokens',
    rule: 'oauth.no-store',
    fault: header(TOKEN, 'cache-control', null),
  },
]
