import { formatDidKey, multibaseToBytes } from '@atproto/crypto'
import { isValidHandle } from '@atproto/syntax'
import { isPublicKey } from '../crypto/publicKey.ts'
import { isObject, type JsonObject } from '../isObject.ts'
import type { PlcData } from '../plc/types.ts'
import { IdentityError } from './errors.ts'

/** A DID document in its JSON form, as we serve it. */
export interface DidDocumentJson {
  '@context': string[]
  id: string
  alsoKnownAs?: string[]
  verificationMethod?: { id: string; type: string; controller: string; publicKeyMultibase: string }[]
  service?: { id: string; type: string; serviceEndpoint: string }[]
}

/** What atproto reads from a DID document. */
export interface DidDocument {
  did: string
  /** Origin of `#atproto_pds`. */
  pds: string | undefined
  /** did:key of `#atproto`. */
  signingKey: string | undefined
  /** The first `at://` name that is a handle. It is only a claim: the handle must resolve to this DID. */
  handle: string | undefined
  /** Services by fragment, such as `bsky_appview`. */
  services: Map<string, { type: string; endpoint: string }>
  /** The document as received. */
  json: JsonObject
}

const objects = (value: unknown): JsonObject[] =>
  Array.isArray(value) ? value.slice(0, 100).filter((entry: unknown) => isObject(entry)) : []

/** The fragment of an id, which may be written as `#name` or as `did:…#name`. */
const fragment = (did: string, id: unknown): string | undefined => {
  if (typeof id !== 'string') return undefined
  if (id.startsWith('#')) return id.slice(1)
  return id.startsWith(`${did}#`) ? id.slice(did.length + 1) : undefined
}

const LEGACY_ALG: Record<string, string> = {
  EcdsaSecp256k1VerificationKey2019: 'ES256K',
  EcdsaSecp256r1VerificationKey2019: 'ES256',
}

const didKey = ({ type, publicKeyMultibase: key }: JsonObject): string | undefined => {
  if (typeof type !== 'string' || typeof key !== 'string' || !key.startsWith('z') || key.length > 256)
    return undefined
  try {
    const alg = LEGACY_ALG[type]
    const did = type === 'Multikey' ? `did:key:${key}` : alg ? formatDidKey(alg, multibaseToBytes(key)) : ''
    return isPublicKey(did) ? did : undefined
  } catch {
    return undefined
  }
}

const httpOrigin = (endpoint: string): string | undefined => {
  if (!/^https?:\/\//.test(endpoint) || !URL.canParse(endpoint)) return undefined
  const url = new URL(endpoint)
  return url.username || url.password || url.search || url.hash || url.pathname !== '/'
    ? undefined
    : url.origin
}

/** Reads a document that was fetched for `did`, and refuses one that is about another DID. */
export const parseDidDocument = (did: string, json: unknown): DidDocument => {
  if (!isObject(json) || json.id !== did) throw new IdentityError('BadAnswer', `not a DID document of ${did}`)
  const services: DidDocument['services'] = new Map()
  for (const { id, type, serviceEndpoint: endpoint } of objects(json.service)) {
    const name = fragment(did, id)
    if (name && !services.has(name) && typeof type === 'string' && typeof endpoint === 'string')
      services.set(name, { type, endpoint })
  }
  const pds = services.get('atproto_pds')
  const method = objects(json.verificationMethod).find(({ id }) => fragment(did, id) === 'atproto')
  const names: unknown[] = Array.isArray(json.alsoKnownAs) ? json.alsoKnownAs.slice(0, 100) : []
  const handles = names
    .filter((name) => typeof name === 'string' && name.startsWith('at://'))
    .map((name) => String(name).slice('at://'.length))
  return {
    did,
    pds: pds?.type === 'AtprotoPersonalDataServer' ? httpOrigin(pds.endpoint) : undefined,
    signingKey: method && didKey(method),
    handle: handles.find((handle) => isValidHandle(handle))?.toLowerCase(),
    services,
    json,
  }
}

const CONTEXTS = [
  'https://www.w3.org/ns/did/v1',
  'https://w3id.org/security/multikey/v1',
  'https://w3id.org/security/suites/secp256k1-2019/v1',
]

/** The document of an account, from the data of its did:plc or from our configuration. */
export const formatDidDocument = (did: string, data: Omit<PlcData, 'rotationKeys'>): DidDocumentJson => ({
  '@context': CONTEXTS,
  id: did,
  alsoKnownAs: data.alsoKnownAs,
  verificationMethod: Object.entries(data.verificationMethods).map(([id, key]) => ({
    id: `${did}#${id}`,
    type: 'Multikey',
    controller: did,
    publicKeyMultibase: key.slice('did:key:'.length),
  })),
  service: Object.entries(data.services).map(([id, { type, endpoint }]) => ({
    id: `#${id}`,
    type,
    serviceEndpoint: endpoint,
  })),
})

/** `/.well-known/did.json` of a did:web account whose host is this server. */
export const accountDocument = (account: {
  did: string
  handle: string
  origin: string
  /** did:key. */
  signingKey: string
}): DidDocumentJson =>
  formatDidDocument(account.did, {
    alsoKnownAs: [`at://${account.handle}`],
    verificationMethods: { atproto: account.signingKey },
    services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: account.origin } },
  })

/** `/.well-known/did.json` of the server itself, where the account is a did:plc. */
export const serviceDocument = (serviceDid: string, origin: string): DidDocumentJson => ({
  '@context': CONTEXTS.slice(0, 1),
  id: serviceDid,
  service: [{ id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: origin }],
})
