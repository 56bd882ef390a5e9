import type { World } from '../handlers/support/world.ts'

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
  host: string,
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
