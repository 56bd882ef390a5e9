import { loopbackClient } from '../../../src/account/oauth/clients/loopbackClient.ts'
import { readClientId } from '../../../src/account/oauth/clients/readClientId.ts'
import { readClientMetadata } from '../../../src/account/oauth/clients/readClientMetadata.ts'
import { OAuthError } from '../../../src/account/oauth/oauthError.ts'
import type { ClientMetadata } from '../../../src/account/oauth/clients/types.ts'
import { confidentialDocument, ID, publicDocument } from '../../account/oauth/support/clientWorld.ts'
import { assertionJwks } from '../../fixtures/oauth/assertionVectors.ts'
import type { Target } from '../engine.ts'
import { type Json, jsonText, mutateJson, put } from '../json.ts'
import type { Random } from '../random.ts'
import { plain } from './same.ts'

interface Input {
  id: string
  document: string
}

const jwks = await assertionJwks()
const IDS = [
  ...[ID, 'https://app.example.org/a?b=c', 'https://xn--bcher-kva.example.org/~a', 'http://localhost'],
  'http://localhost?scope=atproto%20a&redirect_uri=http://127.0.0.1:1/a&redirect_uri=http://[::1]/',
]
const PIECES = [
  ...[
    '@',
    ':',
    '#',
    '?',
    '/',
    '//',
    '\\',
    '%',
    '%2e',
    '..',
    '.',
    ' ',
    '\t',
    '\n',
    '\0',
    'ａ',
    'ß',
    '。',
    '[::1]',
  ],
  ...[
    'localhost',
    '127.0.0.1',
    '0x7f.1',
    '10.0.0.1',
    'example.org',
    'https:',
    'http:',
    'javascript:',
    'org.example.app:',
  ],
  ...[
    ':443',
    ':80',
    '.local',
    '.test',
    'xn--',
    '\u202e',
    '😀',
    '&scope=atproto',
    '&redirect_uri=',
    'a'.repeat(5000),
  ],
]

const disturb = (text: string, random: Random): string => {
  let result = text
  for (let left = 1 + random.small(3); left > 0; left--) {
    const at = random.int(result.length + 1)
    const piece = random.chance(0.8) ? random.pick(PIECES) : random.text(random.small(8))
    result = result.slice(0, at) + piece + result.slice(at + random.small(10))
  }
  return result
}

const uris = [
  'https://app.example.org/callback',
  'http://127.0.0.1/',
  'http://[::1]:1/a',
  'org.example.app:/callback',
]

/** A document whose addresses are disturbed, or any of its members changed. */
const documentOf = (id: string, random: Random): string => {
  const isNative = random.chance(0.5)
  const base = JSON.parse(
    JSON.stringify(
      isNative || random.chance(0.5)
        ? publicDocument(
            {
              redirect_uris: isNative ? uris : uris.slice(0, 1),
              application_type: isNative ? 'native' : 'web',
            },
            id,
          )
        : { ...confidentialDocument({ jwks }), client_id: id },
    ),
  ) as { [name: string]: Json } // as it was made
  if (random.chance(0.3))
    put(base, 'redirect_uris', [disturb(random.pick(uris), random), ...random.pick([[], uris])])
  if (random.chance(0.2)) put(base, 'client_uri', disturb('https://app.example.org/', random))
  if (random.chance(0.2)) put(base, 'client_name', disturb('An app', random))
  if (random.chance(0.1)) {
    delete base.jwks
    put(base, 'jwks_uri', disturb('https://app.example.org/jwks', random))
  }
  return jsonText(random.chance(0.4) ? mutateJson(base, random) : base)
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Where the owner's browser may be sent: nowhere that runs script, and to no name on their network. */
const checkRedirect = (uri: string, { applicationType }: ClientMetadata, host: string): void => {
  const url = new URL(uri)
  if (/[^\x21-\x7e]/.test(uri) || url.hash || url.username || url.password) throw new Error(uri)
  if (url.protocol === 'https:' && /\.|^\[/.test(url.hostname)) return
  if (applicationType !== 'native') throw new Error(`${uri} of a client on the web`)
  const isLoopback = url.protocol === 'http:' && ['127.0.0.1', '[::1]'].includes(url.hostname)
  if (!isLoopback && url.protocol !== `${host.split('.').toReversed().join('.')}:`) throw new Error(uri)
}

/** A client's id and its document. */
export const client: Target<Input, ClientMetadata> = {
  name: 'client',
  typed: [OAuthError],
  generate: (random) => {
    const id = random.chance(0.5) ? ID : random.pick(IDS)
    const asked = random.chance(0.4) ? disturb(id, random) : id
    return { id: asked, document: documentOf(random.chance(0.9) ? asked : ID, random) }
  },
  mutate: ({ id, document }, random, others) =>
    random.chance(0.5)
      ? { id: disturb(id, random), document }
      : {
          id,
          document: plain.mutate(
            document,
            random,
            others.map((it) => it.document),
          ),
        },
  run: ({ id, document }) =>
    loopbackClient(id) ??
    readClientMetadata(parse(document), readClientId(id, { dev: false }), { dev: false }),
  check: ({ id }, metadata) => {
    const url = new URL(id)
    if (url.protocol !== 'https:' && url.host !== 'localhost') throw new Error(`the client ${id}`)
    if (url.protocol === 'https:' && url.href !== id) throw new Error(`${id} is ${url.href}`)
    if (!metadata.scope.split(' ').includes('atproto')) throw new Error(`scope ${metadata.scope}`)
    for (const uri of metadata.redirectUris) checkRedirect(uri, metadata, url.hostname)
    if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(metadata.name ?? ''))
      throw new Error('a name that is more than text')
    if (metadata.uri !== undefined && new URL(metadata.uri).origin !== url.origin)
      throw new Error(metadata.uri)
    for (const key of metadata.jwks?.keys ?? [])
      if ('d' in key || 'k' in key) throw new Error('a private key')
    if ((metadata.authMethod === 'private_key_jwt') !== (metadata.authAlg !== undefined))
      throw new Error('an alg without a method, or a method without an alg')
  },
  show: (input) => JSON.stringify(input),
  parse: (shown) => JSON.parse(shown) as Input, // what `show` gave
}
