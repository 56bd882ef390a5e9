/** Where an app notices that it is not on the reference PDS: the rows of the last table of docs/oauth.md, each asked of both. */
import { Agent } from '@atproto/api'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { authorizeByHttp } from './support/httpAuthorization.ts'
import { loopbackApp } from './support/nodeClient.ts'
import { SERVERS, startWorld, type Server, type World } from './support/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world?.[Symbol.asyncDispose]())

const SCOPE = 'atproto identity:*'

/** What each of them answers. */
const DIFFERENCES = {
  'minutes of an access token': { cirrus: '15', reference: '60' },
  'request objects': { cirrus: 'false', reference: 'true' },
  'DPoP keys': {
    cirrus: 'ES256,ES384,ES512',
    reference: 'RS256,RS384,RS512,PS256,PS384,PS512,ES256,ES256K,ES384,ES512',
  },
  'prompt=create': { cirrus: 'invalid_request', reference: 'taken' },
  'a PLC operation without a token': { cirrus: 'InvalidToken', reference: 'InvalidRequest' },
}

/** The error that a request ends with, or that it was taken. */
const outcome = async (asked: Promise<unknown>): Promise<string> => {
  try {
    await asked
    return 'taken'
  } catch (cause) {
    // Errors of the libraries have the name that the server gave.
    return String(Object(cause).error)
  }
}

const ask = async (server: Server): Promise<Record<keyof typeof DIFFERENCES, string>> => {
  const { client, redirectUri } = loopbackApp({ ...world, handleResolver: server.url }, { scope: SCOPE })
  const document = await fetch(`${server.url}/.well-known/oauth-authorization-server`)
  const metadata = Object(await document.json())
  const url = await client.authorize(server.did)
  const { params } = await authorizeByHttp(server, { url, redirectUri })
  const { session } = await client.callback(params)
  const expiresAt = Number((await session.getTokenInfo(false)).expiresAt)
  const { identity } = new Agent(session).com.atproto
  await identity.requestPlcOperationSignature()
  return {
    'minutes of an access token': String(Math.round((expiresAt - Date.now()) / 60_000)),
    'request objects': String(metadata.request_parameter_supported),
    'DPoP keys': String(metadata.dpop_signing_alg_values_supported),
    'prompt=create': await outcome(client.authorize(server.did, { prompt: 'create' })),
    'a PLC operation without a token': await outcome(identity.signPlcOperation({})),
  }
}

it.each(SERVERS)('%s is as it is listed', async (name) => {
  const answers = Object.entries(DIFFERENCES).map(([asked, of]) => [asked, of[name]])
  expect(await ask(world.servers[name])).toEqual(Object.fromEntries(answers))
})
