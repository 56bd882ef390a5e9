import { XrpcError } from '../../../client/index.ts'
import { generateKey } from '../../../crypto/privateKey.ts'
import { loadSigningKey } from '../../../signing/keys.ts'
import { isAccepted, unlessRefused } from '../seen.ts'
import { SOURCES, type Rehearsal, type TargetCheck } from '../types.ts'

const send = ({ owner }: Rehearsal, bytes: Uint8Array<ArrayBuffer>) =>
  owner.com.atproto.repo.importRepo({
    encoding: 'application/vnd.ipld.car',
    body: bytes,
    length: bytes.length,
  })

const OTHER_DID = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'

/** More than any record of the rehearsal has, and in the middle of its CAR. */
const cutShort = (bytes: Uint8Array<ArrayBuffer>) => bytes.slice(0, bytes.length >> 1)

const isTaken = async (rehearsal: Rehearsal): Promise<undefined> => {
  const { bytes, rev } = await rehearsal.account.car()
  await send(rehearsal, bytes)
  rehearsal.rev = rev
}

export const importRepoChecks: readonly TargetCheck[] = [
  {
    id: 'importRepo.otherDid',
    level: 'should',
    expected: 'importRepo refuses the repository of another account',
    source: SOURCES.repository,
    needs: ['createAccount'],
    run: async (rehearsal) =>
      await unlessRefused(send(rehearsal, (await rehearsal.account.car({ did: OTHER_DID })).bytes)),
  },
  {
    id: 'importRepo.cutShort',
    level: 'must',
    expected: 'importRepo does not take a CAR that ends in the middle',
    source: SOURCES.repository,
    needs: ['createAccount'],
    async run(rehearsal) {
      const { bytes } = await rehearsal.account.car()
      return (await isAccepted(send(rehearsal, cutShort(bytes)))) ? 'it was accepted' : undefined
    },
  },
  {
    id: 'importRepo.otherKey',
    level: 'should',
    expected: 'importRepo refuses a commit that no key of the DID has signed',
    source: SOURCES.repository,
    needs: ['createAccount'],
    async run(rehearsal) {
      const signer = await loadSigningKey(await generateKey(rehearsal.deps.random))
      return await unlessRefused(send(rehearsal, (await rehearsal.account.car({ signer })).bytes))
    },
  },
  {
    id: 'importRepo',
    level: 'must',
    expected: 'importRepo takes the repository, whatever types of record and characters it has',
    source: SOURCES.migration,
    needs: ['createAccount'],
    run: isTaken,
  },
  {
    id: 'importRepo.again',
    level: 'must',
    expected: 'importRepo takes the same repository again: a mover that lost the answer repeats it',
    source: SOURCES.migration,
    needs: ['importRepo'],
    run: isTaken,
  },
  {
    id: 'status.counts',
    level: 'must',
    expected: 'checkAccountStatus counts the records, the blobs that they refer to, and those that are there',
    source: SOURCES.migration,
    needs: ['importRepo'],
    async run({ owner, account }) {
      const status = await owner.com.atproto.server.checkAccountStatus()
      const wanted = {
        indexedRecords: account.records.size,
        expectedBlobs: account.blobs.length,
        importedBlobs: 0,
      }
      const wrong = (Object.keys(wanted) as (keyof typeof wanted)[]).filter(
        (name) => status[name] !== wanted[name],
      )
      return wrong.length === 0
        ? undefined
        : wrong.map((name) => `${name} is ${status[name]}, not ${wanted[name]}`).join('; ')
    },
  },
  {
    id: 'preferences',
    level: 'must',
    expected:
      'putPreferences takes preferences while the account is inactive, and getPreferences gives them back',
    source: SOURCES.migration,
    needs: ['createAccount'],
    async run({ owner }) {
      const { putPreferences, getPreferences } = owner.app.bsky.actor
      const types = ['app.bsky.actor.defs#adultContentPref', 'app.bsky.actor.defs#threadViewPref']
      try {
        await putPreferences({
          preferences: [
            { $type: 'app.bsky.actor.defs#adultContentPref', enabled: false },
            { $type: 'app.bsky.actor.defs#threadViewPref', sort: 'oldest' },
          ],
        })
      } catch (cause) {
        // A server that keeps none is not a server of Bluesky’s.
        if (cause instanceof XrpcError && cause.status === 501) return 'it keeps no preferences (501)'
        throw cause
      }
      const found = (await getPreferences({})).preferences.map((preference) =>
        String(Object(preference).$type),
      )
      const lost = types.filter((type) => !found.includes(type))
      return lost.length === 0 ? undefined : `${lost.join(' and ')} did not come back`
    },
  },
]
