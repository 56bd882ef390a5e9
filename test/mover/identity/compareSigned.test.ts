import { beforeAll, describe, expect, it } from 'vitest'
import { compareSigned } from '../../../src/mover/identity/compareSigned.ts'
import { planMove } from '../../../src/mover/identity/planMove.ts'
import { MoverError } from '../../../src/mover/moverError.ts'
import type { UnsignedOperation } from '../../../src/plc/types.ts'
import { signOperation } from '../fakes/directory.ts'
import { fakeKey } from '../fakes/keys.ts'

const keys = await Promise.all(['owner', 'source', 'target', 'signing'].map(fakeKey))
const [owner, source, target, signing] = keys
if (!owner || !source || !target || !signing) throw new Error('keys')
const pds = (endpoint: string) => ({ atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint } })
const before = {
  rotationKeys: [owner.did(), source.did()],
  alsoKnownAs: ['at://alice.example.com'],
  verificationMethods: { atproto: source.did() },
  services: pds('https://old.example.com'),
}
const plan = planMove({
  head: {
    did: 'did:plc:ewvi7nxzyoun6zhxrhs64oiz',
    cid: 'bafyreics4vcrrrjdvmx26323vuz4hyhlrjdf3stqag7fbqg2xazkpczm2q',
    createdAt: 0,
    data: before,
  },
  wanted: {
    rotationKeys: [target.did()],
    alsoKnownAs: ['at://alice.example.com'],
    verificationMethods: { atproto: signing.did() },
    services: pds('https://new.example.com'),
  },
  evidence: { owner: [owner.did()], source: { named: [source.did()] } },
})
const expected = { plan, keysBefore: before.rotationKeys, ours: [target.did()] }
const compare = async (key: typeof source, change: Partial<UnsignedOperation> = {}) =>
  await compareSigned(await signOperation(key, { ...plan.operation, ...change }), expected)

describe('what the source signed', () => {
  beforeAll(() => expect(plan.operation.rotationKeys).toEqual([owner.did(), target.did()]))

  it('differs in nothing if it is what was agreed to, signed with the source’s key', async () => {
    expect(await compare(source)).toMatchObject({ differences: [], signer: source.did() })
  })

  it('differs if it is signed with the owner’s recovery key: the source has that key, which stays above all', async () => {
    const { differences, signer } = await compare(owner)
    expect(signer).toBe(owner.did())
    expect(differences.join('\n')).toContain('your recovery key: the source has that key too')
  })

  it('differs by each value that was not agreed to', async () => {
    const { differences } = await compare(source, { alsoKnownAs: ['at://mallory.example.com'] })
    expect(differences).toEqual([
      'the handle changes from at://alice.example.com to at://mallory.example.com',
    ])
  })

  it.each<[string, Partial<UnsignedOperation>]>([
    ['names another server', { services: pds('https://evil.example.com') }],
    ['names another signing key', { verificationMethods: { atproto: source.did() } }],
    ['lacks the key of the new server', { rotationKeys: [owner.did()] }],
    ['follows another operation', { prev: 'bafyreibfqglqbe4vepmnmtirec324no5axxjttfqyaympwauj5n4cuvffm' }],
  ])('is refused if it %s', async (_, change) => {
    await expect(compare(source, change)).rejects.toBeInstanceOf(MoverError)
  })

  it('is refused if no key of the DID has signed it', async () => {
    await expect(compare(signing)).rejects.toThrow('is signed with none of the DID’s rotation keys')
  })
})
