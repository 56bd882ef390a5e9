import { IncludeScope } from '@atproto/oauth-scopes'
import { parsePermissionSet } from '../../../src/account/oauth/scopes/permissionSet.ts'
import { parseScope } from '../../../src/account/oauth/scopes/parseScope.ts'
import { carOf } from '../../../src/account/repo/carOf.ts'
import type { Block } from '../../../src/repo/block.ts'
import { readCar } from '../../../src/repo/car/readCar.ts'
import { cborCid } from '../../../src/repo/cid.ts'
import { CarError } from '../../../src/repo/car/carError.ts'
import { readRecordProof } from '../../../src/repo/readRecordProof.ts'
import { RepoError } from '../../../src/repo/verifyRepo.ts'
import { IdentityError } from '../../../src/identity/errors.ts'
import { LexiconAuthority, setDocument } from '../../account/oauth/support/lexiconAuthority.ts'
import { streamOf } from '../../repo/fixture.ts'
import { mutateBytes } from '../bytes.ts'
import type { Target } from '../engine.ts'
import type { Random } from '../random.ts'
import { type Json, jsonText, mutateJson } from '../json.ts'
import { hex } from './same.ts'

const NSID = 'com.example.authBasic'
const SERVICE = 'did:web:api.example%23notes'
const permissions = [
  { resource: 'repo', collection: ['com.example.note', 'com.example.list'], action: ['create'] },
  { resource: 'repo', collection: ['*'] },
  { resource: 'repo', collection: ['app.bsky.feed.post'] },
  { resource: 'rpc', lxm: ['com.example.getNotes'], inheritAud: true },
  { resource: 'rpc', lxm: ['com.example.getNotes'], aud: '*' },
  { resource: 'rpc', lxm: ['com.example.other', '*'], aud: 'did:web:other.example#notes' },
  { resource: 'blob', accept: ['*/*'] },
  { resource: 'identity', attr: '*' },
]
// A copy: plain JSON.
const document = JSON.parse(JSON.stringify(setDocument(NSID, permissions))) as Json

/** Documents of permission sets: whatever they say, they open nothing but records and methods below their own group. */
export const permissionSet: Target<Json, string[]> = {
  name: 'permissionSet',
  typed: [IdentityError],
  generate: (random) => mutateJson(document, random),
  mutate: (input, random) => mutateJson(input, random),
  run: (input) => {
    const set = parsePermissionSet(NSID, input)
    return ['', `?aud=${SERVICE}`].flatMap(
      (query) => IncludeScope.fromString(`include:${NSID}${query}`)?.toScopes(set) ?? [],
    )
  },
  check: (_, scopes) => {
    for (const text of scopes) {
      const scope = parseScope(text)
      const names =
        scope?.kind === 'repo'
          ? scope.permission.collection
          : scope?.kind === 'rpc'
            ? scope.permission.lxm
            : ['']
      if (!names.every((name) => name.startsWith('com.example.'))) throw new Error(`it opens ${text}`)
    }
  },
  show: (input) => jsonText(input),
  parse: (shown) => JSON.parse(shown) as Json,
}

const authority = new LexiconAuthority()
await authority.publishSet('com.example.before', [])
await authority.publishSet(NSID, permissions)
const path = `com.atproto.lexicon.schema/${NSID}`
const proof = new Uint8Array(await authority.proof(NSID))
const signingKey = authority.key.did()
const read = (car: Uint8Array): Promise<Uint8Array | undefined> =>
  readRecordProof(streamOf(car), { did: authority.did, signingKey, path, now: Date.now() })
const record = Buffer.from((await read(proof)) ?? new Uint8Array())

const sections: Block[] = []
const reader = await readCar(streamOf(proof))
for await (const { cid, bytes } of reader) sections.push({ cid, bytes })
const [root] = reader.roots

/** A CAR whose hashes are right, of blocks that are missing, doubled, out of order, or changed with their CIDs. */
const rebuilt = (random: Random): Uint8Array => {
  const blocks = [...sections]
  for (let left = 1 + random.small(3); left > 0; left--) {
    const at = random.int(blocks.length)
    const { bytes } = random.pick(sections)
    const changed = mutateBytes(bytes, random, [random.pick(sections).bytes])
    const added = random.pick([[], [random.pick(sections)], [{ cid: cborCid(changed), bytes: changed }]])
    blocks.splice(at, random.int(2), ...added)
  }
  const named = random.chance(0.7) ? root : random.pick([...blocks, ...sections]).cid
  return carOf(random.chance(0.95) ? (named ?? null) : null, blocks)
}

/** Proofs of one record: what is accepted is the record that was signed. */
export const recordProof: Target<Uint8Array, Uint8Array | undefined> = {
  name: 'recordProof',
  typed: [RepoError, CarError],
  generate: (random) => (random.chance(0.6) ? rebuilt(random) : mutateBytes(proof, random, [proof])),
  ...hex,
  run: read,
  check: (_, found) => {
    if (!found || !record.equals(found))
      throw new Error('another record is taken for the one that was signed')
  },
}
