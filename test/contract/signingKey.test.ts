import { expect, it } from 'vitest'
import { signingKey } from '../../src/contract/areas/repository/signingKey.ts'
import { Unclear } from '../../src/contract/types.ts'

const DID = 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb'
const HINT = '--plc names the directory'

/** Why the key is not known, where the directory answers so. */
const reason = async (origin: string, plcUrl: string): Promise<string> => {
  const deps = {
    fetch: async () => new Response('{}', { status: 404 }),
    WebSocket,
    now: () => 0,
    sleep: async () => {},
    random: (length: number) => new Uint8Array(length),
    signal: new AbortController().signal,
  }
  const refused: unknown = await signingKey({ deps, origin, plcUrl }, DID).catch((cause: unknown) => cause)
  if (!(refused instanceof Unclear)) throw new Error('the key was found')
  return refused.message
}

it.each([
  [
    'a server on this machine, with the public directory',
    'http://localhost:2583',
    'https://plc.directory',
    true,
  ],
  [
    'a server on this machine, with a directory there',
    'http://localhost:2583',
    'http://localhost:2582',
    false,
  ],
  ['a public server', 'https://pds.example', 'https://plc.directory', false],
])('a key that is not known, of %s', async (_, origin, plcUrl, isHinted) => {
  const why = await reason(origin, plcUrl)
  expect(why).toContain(`the key of ${DID} is not known`)
  expect(why.includes(HINT)).toBe(isHinted)
})
