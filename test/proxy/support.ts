import { logIn, partOf } from '../handlers/support/calls.ts'
import type { World } from '../handlers/support/world.ts'

export const APP_VIEW_HOST = 'api.example.com'
export const APP_VIEW_DID = 'did:web:api.example.com'
/** A service that no configuration names. */
export const OTHER_HOST = 'other.example.net'
export const OTHER_DID = 'did:web:other.example.net'

/** What a service was asked, as it arrived. */
export interface Asked {
  url: URL
  method: string
  headers: Headers
  body: string
}

/** Plays a service at a host of the world, and writes down what it is asked. */
export const playService = (
  { hosts }: Pick<World, 'hosts'>,
  host: string = APP_VIEW_HOST,
  answer: (asked: Asked) => Response | Promise<Response> = () => Response.json({ ok: true }),
): Asked[] => {
  const all: Asked[] = []
  hosts.set(host, async (url, init = {}) => {
    const { headers, body } = new Request(url, init)
    const asked = {
      url,
      method: init.method ?? 'GET',
      headers,
      body: body ? await new Response(body).text() : '',
    }
    all.push(asked)
    return await answer(asked)
  })
  return all
}

/** The did:web document of a host, with services by their names. */
export const didDocument = (did: string, services: Record<string, unknown>): Response =>
  Response.json({
    id: did,
    service: Object.entries(services).map(([id, serviceEndpoint]) => ({
      id: `#${id}`,
      type: 'Service',
      serviceEndpoint,
    })),
  })

/** Plays a did:web host that is also the service. Says how often its document was asked for. */
export const playDidWeb = (
  world: Pick<World, 'hosts'>,
  services: Record<string, unknown>,
  answer?: (asked: Asked) => Response | Promise<Response>,
): { asked: Asked[]; documents: () => number } => {
  let documents = 0
  const all = playService(world, OTHER_HOST, (asked) => {
    if (asked.url.pathname !== '/.well-known/did.json') return answer?.(asked) ?? Response.json({ ok: true })
    documents++
    return didDocument(OTHER_DID, services)
  })
  return {
    get asked() {
      return all.filter(({ url }) => url.pathname !== '/.well-known/did.json')
    },
    documents: () => documents,
  }
}

/** The header of a new session. */
export const bearer = async ({ client }: World): Promise<Record<string, string>> => ({
  authorization: `Bearer ${(await logIn(client)).accessJwt}`,
})

/** The claims of the token that a service was shown; undefined if it got none. */
export const claimsOf = ({ headers }: Asked): Record<string, unknown> | undefined => {
  const header = headers.get('authorization')
  return header === null ? undefined : partOf(header.replace('Bearer ', ''), 1)
}
