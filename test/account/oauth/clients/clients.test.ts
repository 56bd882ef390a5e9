import { beforeEach, describe, expect, test } from 'vitest'
import {
  type ClientWorld,
  confidentialDocument,
  createAssertionKey,
  createClientWorld,
  ID,
  publicDocument,
} from '../support/clientWorld.ts'

const wrong = expect.objectContaining({ code: 'invalid_client_metadata' })
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

let world: ClientWorld

beforeEach(() => {
  world = createClientWorld()
})

const find = (id = ID) => world.clients.find(id)

describe('a client with a document', () => {
  test('is found by its id, with what the document says', async () => {
    world.pages.set(ID, publicDocument({ client_uri: 'https://app.example.org/' }))
    await expect(find()).resolves.toEqual({
      id: ID,
      kind: 'discoverable',
      metadata: {
        scope: 'atproto transition:generic',
        redirectUris: ['https://app.example.org/callback'],
        applicationType: 'web',
        authMethod: 'none',
        authAlg: undefined,
        jwks: undefined,
        jwksUri: undefined,
        name: 'An app',
        uri: 'https://app.example.org/',
      },
    })
  })

  test.each([
    ['a status that is not 200', () => Response.json(publicDocument(), { status: 201 })],
    ['a redirect', () => Response.redirect('https://elsewhere.example.org/', 302)],
    [
      'another type',
      () => new Response(JSON.stringify(publicDocument()), { headers: { 'content-type': 'text/json' } }),
    ],
    ['no type', () => new Response(new TextEncoder().encode(JSON.stringify(publicDocument())))],
    ['no JSON', () => new Response('{', { headers: { 'content-type': 'application/json' } })],
    ['a document of more than 512 KB', () => Response.json(publicDocument({ x: 'x'.repeat(512 * 1024) }))],
    [
      'the document of another client',
      () => Response.json(publicDocument({}, 'https://other.example.org/c')),
    ],
    ['nothing, because it cannot be reached', () => Promise.reject(new Error('no route'))],
  ])('is refused when its server answers with %s', async (_, page) => {
    world.pages.set(ID, page)
    await expect(find()).rejects.toThrow(wrong)
  })

  test('may be sent with a charset', async () => {
    const headers = { 'content-type': 'Application/JSON; charset=utf-8' }
    world.pages.set(ID, () => new Response(JSON.stringify(publicDocument()), { headers }))
    await expect(find()).resolves.toMatchObject({ id: ID })
  })
})

describe('authentication', () => {
  const authenticate = (assertion: string | undefined, more = {}) =>
    world.clients.authenticate({
      clientId: ID,
      assertionType: ASSERTION_TYPE,
      assertion,
      dpopJkt: undefined,
      ...more,
    })

  test('of a public client needs nothing', async () => {
    world.pages.set(ID, publicDocument())
    await expect(authenticate(undefined)).resolves.toMatchObject({
      client: { id: ID },
      auth: { method: 'none' },
    })
  })

  test.each(['ES256', 'ES384', 'ES512', 'RS256', 'PS256'])(
    'by an assertion of %s takes it once',
    async (alg) => {
      const key = await createAssertionKey(world, alg)
      const members = { token_endpoint_auth_signing_alg: alg, jwks: { keys: [key.jwk] } }
      world.pages.set(ID, confidentialDocument(members))
      const assertion = await key.assertion()
      await expect(authenticate(assertion)).resolves.toMatchObject({
        auth: { method: 'private_key_jwt', alg, kid: 'key 1', jkt: key.jkt },
      })
      await expect(authenticate(assertion)).rejects.toMatchObject({ code: 'invalid_client' })
    },
  )
})
