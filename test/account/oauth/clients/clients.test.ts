import { beforeEach, describe, expect, test } from 'vitest'
import type { ClientAuth } from '../../../../src/account/oauth/clients/types.ts'
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

  describe('of a confidential client', () => {
    let key: Awaited<ReturnType<typeof createAssertionKey>>
    let other: Awaited<ReturnType<typeof createAssertionKey>>
    beforeEach(async () => {
      key = await createAssertionKey(world)
      other = await createAssertionKey(world, 'ES256', 'key 2')
      world.pages.set(ID, confidentialDocument({ jwks: { keys: [key.jwk] } }))
    })

    test.each([
      ['no assertion', { assertion: undefined }],
      ['no type', { assertionType: undefined }],
      ['another type', { assertionType: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' }],
    ])('with %s is refused', async (_, more) => {
      await expect(authenticate(await key.assertion(), more)).rejects.toMatchObject({
        code: 'invalid_client',
      })
    })

    test('must not have the key of the DPoP proof', async () => {
      const assertion = await key.assertion()
      await expect(authenticate(assertion, { dpopJkt: key.jkt })).rejects.toMatchObject({
        code: 'invalid_request',
      })
      await expect(authenticate(assertion, { dpopJkt: other.jkt })).resolves.toBeDefined()
    })

    test('takes a new key within half a minute, and asks only once for a kid that nobody has', async () => {
      await authenticate(await key.assertion())
      await expect(authenticate(await other.assertion())).rejects.toMatchObject({ code: 'invalid_client' })
      expect(world.fetched).toHaveLength(1)
      world.advance(30_000)
      world.pages.set(ID, confidentialDocument({ jwks: { keys: [key.jwk, other.jwk] } }))
      await expect(authenticate(await other.assertion())).resolves.toMatchObject({ auth: { kid: 'key 2' } })
      expect(world.fetched).toHaveLength(2)
    })

    test('has its keys at jwks_uri, which are fetched again once for a kid that is not there', async () => {
      const url = 'https://keys.example.org/jwks.json'
      world.pages.set(ID, confidentialDocument({ jwks_uri: url }))
      world.pages.set(url, { keys: [key.jwk] })
      await expect(authenticate(await key.assertion())).resolves.toMatchObject({ auth: { jkt: key.jkt } })
      await expect(authenticate(await key.assertion())).resolves.toBeDefined()
      expect(world.fetched).toEqual([ID, url])
      world.advance(30_000)
      world.pages.set(url, { keys: [other.jwk] })
      await expect(authenticate(await other.assertion())).resolves.toMatchObject({ auth: { jkt: other.jkt } })
      const asked = world.fetched.length
      for (let n = 0; n < 5; n++)
        await expect(authenticate(await key.assertion())).rejects.toMatchObject({ code: 'invalid_client' })
      expect(world.fetched).toHaveLength(asked)
    })

    test.each([
      ['no JWKS', () => Response.json([])],
      ['nothing', () => new Response('', { status: 500 })],
      ['a redirect', () => Response.redirect('https://elsewhere.example.org/', 302)],
      ['another type', () => new Response('{"keys":[]}', { headers: { 'content-type': 'text/plain' } })],
    ])('is refused where jwks_uri answers with %s', async (_, page) => {
      const url = 'https://keys.example.org/jwks.json'
      world.pages.set(ID, confidentialDocument({ jwks_uri: url }))
      world.pages.set(url, page)
      await expect(authenticate(await key.assertion())).rejects.toThrow(wrong)
    })

    describe('for a grant', () => {
      const bound = () => ({ method: 'private_key_jwt', alg: 'ES256', kid: 'key 1', jkt: key.jkt }) as const
      const refresh = (assertion: string, to: ClientAuth = bound()) =>
        world.clients.authenticate(
          { clientId: ID, assertionType: ASSERTION_TYPE, assertion, dpopJkt: undefined },
          to,
        )

      test('is by the key that it was made to', async () => {
        await expect(refresh(await key.assertion())).resolves.toMatchObject({ auth: bound() })
      })

      test('by another key is invalid_grant', async () => {
        world.pages.set(ID, confidentialDocument({ jwks: { keys: [key.jwk, other.jwk] } }))
        await expect(refresh(await other.assertion())).rejects.toMatchObject({ code: 'invalid_grant' })
      })

      test('by another key of the same kid is invalid_grant', async () => {
        const replaced = await createAssertionKey(world)
        world.pages.set(ID, confidentialDocument({ jwks: { keys: [replaced.jwk] } }))
        await expect(refresh(await replaced.assertion())).rejects.toMatchObject({ code: 'invalid_grant' })
      })

      test('by a key that left the JWKS is invalid_grant', async () => {
        world.pages.set(ID, confidentialDocument({ jwks: { keys: [other.jwk] } }))
        await expect(refresh(await key.assertion())).rejects.toMatchObject({ code: 'invalid_grant' })
      })

      test('by a kid that the client never had, or a signature of another key, is invalid_client', async () => {
        const forged = await createAssertionKey(world)
        await expect(refresh(await other.assertion())).rejects.toMatchObject({ code: 'invalid_client' })
        await expect(refresh(await forged.assertion())).rejects.toMatchObject({ code: 'invalid_client' })
      })

      test('that was made to a key, by a client that is public now, is invalid_grant', async () => {
        world.pages.set(ID, publicDocument())
        await expect(refresh('')).rejects.toMatchObject({ code: 'invalid_grant' })
      })

      test('that was made to a public client, may be by one that proves itself now', async () => {
        await expect(refresh(await key.assertion(), { method: 'none' })).resolves.toMatchObject({
          auth: bound(),
        })
      })
    })
  })
})

describe('documents that strangers make us fetch', () => {
  const idOf = (n: number) => `https://app${n}.example.org/client.json`
  const publish = (n: number) => world.pages.set(idOf(n), publicDocument({}, idOf(n)))

  test('are fetched once for all who ask at a time, and every 10 minutes', async () => {
    world.pages.set(ID, publicDocument())
    await Promise.all(Array.from({ length: 50 }, () => find()))
    expect(world.fetched).toHaveLength(1)
    world.advance(599_000)
    await find()
    expect(world.fetched).toHaveLength(1)
    world.advance(1000)
    await find()
    expect(world.fetched).toHaveLength(2)
  })

  test('are not tried again within 10 seconds when they could not be had', async () => {
    for (let n = 0; n < 20; n++) await expect(find()).rejects.toThrow(wrong)
    expect(world.fetched).toHaveLength(1)
    world.advance(10_000)
    world.pages.set(ID, publicDocument())
    await expect(find()).resolves.toBeDefined()
  })

  test('stand for an hour while their server is not there, and not when it says that they are gone', async () => {
    world.pages.set(ID, publicDocument())
    await find()
    world.pages.set(ID, () => new Response('', { status: 503 }))
    world.advance(3_599_000)
    await expect(find()).resolves.toBeDefined()
    world.advance(1000)
    await expect(find()).rejects.toThrow(wrong)
    world.advance(10_000)
    world.pages.set(ID, publicDocument())
    await find()
    world.advance(600_000)
    world.pages.delete(ID)
    await expect(find()).rejects.toThrow(wrong)
  })

  test('that are wrong now do not stand as they were', async () => {
    world.pages.set(ID, publicDocument())
    await find()
    world.pages.set(ID, publicDocument({ scope: '' }))
    world.advance(600_000)
    await expect(find()).rejects.toThrow(wrong)
    await expect(find()).rejects.toThrow(wrong)
  })

  test('leave those of clients that hold a grant in memory, however many there are', async () => {
    world.pages.set(ID, publicDocument())
    world.granted.add(ID)
    await find()
    for (let n = 0; n < 300; n++) {
      publish(n)
      await find(idOf(n))
    }
    const asked = world.fetched.length
    await find()
    await find(idOf(299))
    expect(world.fetched).toHaveLength(asked)
    await find(idOf(0))
    expect(world.fetched).toHaveLength(asked + 1)
  })

  test('of servers that do not answer hold up nobody who holds a grant', async () => {
    const never = () => new Promise<Response>(() => {})
    for (let n = 0; n < 20; n++) {
      world.pages.set(idOf(n), never)
      void find(idOf(n)).catch(() => {})
    }
    publish(20)
    await expect(find(idOf(20))).rejects.toMatchObject({ code: 'temporarily_unavailable' })
    world.pages.set(ID, publicDocument())
    world.granted.add(ID)
    await expect(find()).resolves.toBeDefined()
    world.advance(12_000)
    await expect(find(idOf(20))).resolves.toBeDefined()
  })

  test('of servers that do not answer take 4 places of 20 for a network and its neighbours', async () => {
    const ask = (n: number, network: string) =>
      world.clients.authenticate({
        clientId: idOf(n),
        assertionType: undefined,
        assertion: undefined,
        dpopJkt: undefined,
        network,
      })
    for (let n = 0; n < 4; n++) {
      world.pages.set(idOf(n), () => new Promise<Response>(() => {}))
      void ask(n, `198.51.100.${n}`).catch(() => {})
    }
    publish(4)
    await expect(ask(4, '198.51.100.9')).rejects.toMatchObject({ code: 'temporarily_unavailable' })
    await expect(ask(4, '203.0.113.1')).resolves.toBeDefined()
    await expect(ask(4, '198.51.100.9')).resolves.toBeDefined()
  })

  test('whose fetch died with its request end in an error, and are fetched again', async () => {
    world.pages.set(ID, () => new Promise<Response>(() => {}))
    const waiting = find()
    await expect.poll(() => world.fetched).toHaveLength(1)
    world.ring(12_000)
    await expect(waiting).rejects.toThrow(wrong)
    world.advance(12_000)
    world.pages.set(ID, publicDocument())
    await expect(find()).resolves.toBeDefined()
  })
})

describe('assertions of strangers', () => {
  test('leave room for those of others, which are taken once all the same', async () => {
    const key = await createAssertionKey(world)
    const send = async (id: string, network: string) => {
      world.pages.set(id, { ...confidentialDocument({ jwks: { keys: [key.jwk] } }), client_id: id })
      const assertion = await key.assertion({ iss: id, sub: id })
      const sent = { clientId: id, assertionType: ASSERTION_TYPE, assertion, dpopJkt: undefined, network }
      await world.clients.authenticate(sent)
      return sent
    }
    const first = await send(ID, '192.0.2.1')
    for (let n = 0; n < 210; n++) await send(`https://app${n}.example.org/client.json`, `203.0.113.${n}`)
    const late = await send('https://late.example.org/client.json', '198.51.100.1')
    for (const again of [first, late])
      await expect(world.clients.authenticate(again)).rejects.toMatchObject({
        message: expect.stringContaining('used before'),
      })
  })
})
