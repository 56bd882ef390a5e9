import { IdentityError } from '../../../src/identity/errors.ts'
import { didWebUrl, parseServiceDid } from '../../../src/identity/didResolver.ts'
import { type DidDocument, formatDidDocument, parseDidDocument } from '../../../src/identity/didDocument.ts'
import { isPublicKey } from '../../../src/crypto/publicKey.ts'
import { rotationKey } from '../../plc/support.ts'
import type { Target } from '../engine.ts'
import { type Json, jsonText, mutateJson } from '../json.ts'

const DID = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const { did: key } = await rotationKey('ours')
const data = {
  alsoKnownAs: ['at://alice.example', 'https://alice.example'],
  verificationMethods: { atproto: key, other: key },
  services: {
    atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: 'https://pds.example' },
    bsky_labeler: { type: 'AtprotoLabeler', endpoint: 'https://mod.example' },
  },
}
// A copy without prototypes and classes: plain JSON.
const document = JSON.parse(JSON.stringify(formatDidDocument(DID, data))) as Json
const legacy: Json = {
  id: DID,
  verificationMethod: [
    {
      id: '#atproto',
      type: 'EcdsaSecp256k1VerificationKey2019',
      controller: DID,
      publicKeyMultibase: key.slice('did:key:'.length),
    },
  ],
}

export const did: Target<Json, DidDocument> = {
  name: 'did',
  typed: [IdentityError],
  generate: (random) => mutateJson(random.chance(0.8) ? document : legacy, random),
  mutate: (input, random) => mutateJson(input, random),
  run: (input) => {
    const id = typeof input === 'object' && input !== null && 'id' in input ? input.id : input
    const text = typeof id === 'string' ? id : jsonText(id ?? null)
    parseServiceDid(text.slice(0, 4096))
    try {
      didWebUrl(text, true)
    } catch (cause) {
      if (!(cause instanceof IdentityError)) throw cause
    }
    return parseDidDocument(DID, input)
  },
  check: (_, { pds, signingKey, handle }) => {
    if (pds !== undefined && new URL(pds).origin !== pds) throw new Error(`${pds} is not an origin`)
    if (signingKey !== undefined && !isPublicKey(signingKey)) throw new Error(`${signingKey} is not a key`)
    if (handle !== undefined && !/^[a-z0-9.-]+$/.test(handle)) throw new Error(`${handle} is not a handle`)
  },
  show: (input) => jsonText(input),
  parse: (shown) => JSON.parse(shown) as Json,
}
