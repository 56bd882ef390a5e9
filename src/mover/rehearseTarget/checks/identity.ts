import { isPublicKey } from '../../../crypto/publicKey.ts'
import { PDS_ID, PDS_TYPE } from '../../../plc/build.ts'
import type { Operation, PlcData } from '../../../plc/types.ts'
import { recommendedData } from '../../peers/plcData.ts'
import { unlessRefused } from '../seen.ts'
import { SOURCES, type Rehearsal, type TargetCheck } from '../types.ts'

/** An operation on the present head, signed by the owner's own rotation key, which stays the first one. */
const operationOf = async (
  { directory, account }: Rehearsal,
  change: (data: PlcData) => Partial<PlcData>,
): Promise<Operation> => {
  const { cid, data } = await directory.head(account.did)
  if (!data) throw new Error(`${account.did} has been tombstoned`)
  const next = { ...data, ...change(data) }
  return await account.rotationKey.signOperation({ type: 'plc_operation', ...next, prev: cid })
}

const submit = ({ owner }: Rehearsal, operation: Operation) =>
  owner.com.atproto.identity.submitPlcOperation({ operation: { ...operation } })

export const identityChecks: readonly TargetCheck[] = [
  {
    id: 'credentials',
    level: 'must',
    expected:
      'getRecommendedDidCredentials names the server’s address, its rotation key, a signing key, and the handle',
    source: SOURCES.migration,
    needs: ['createAccount'],
    async run(rehearsal) {
      const { services, verificationMethods, rotationKeys, alsoKnownAs } = await recommendedData(
        rehearsal.owner,
      )
      const [pds, key] = [services[PDS_ID], verificationMethods['atproto']]
      rehearsal.targetKey = key
      if (pds?.endpoint !== rehearsal.origin)
        return `services.${PDS_ID}.endpoint is ${pds?.endpoint ?? 'missing'}`
      if (pds.type !== PDS_TYPE) return `services.${PDS_ID}.type is ${pds.type}`
      if (key === undefined || !isPublicKey(key)) return `verificationMethods.atproto is ${key ?? 'missing'}`
      if (key === rehearsal.account.signingKey.did) return 'the signing key is the one of the old server'
      if (!rotationKeys.some(isPublicKey))
        return 'rotationKeys has no key: the server could not change the DID'
      const name = `at://${rehearsal.newAccount.handle}`
      return alsoKnownAs[0] === name
        ? undefined
        : `alsoKnownAs begins with ${alsoKnownAs[0] ?? 'nothing'}, not ${name}`
    },
  },
  {
    id: 'submitPlcOperation.otherServer',
    level: 'must',
    expected: 'submitPlcOperation refuses an operation that names another server, and does not pass it on',
    source: SOURCES.migration,
    needs: ['credentials'],
    async run(rehearsal) {
      const operation = await operationOf(rehearsal, ({ services }) => ({
        services: { ...services, [PDS_ID]: { type: PDS_TYPE, endpoint: 'https://other.example.com' } },
      }))
      const before = await rehearsal.directory.head(rehearsal.account.did)
      const seen = await unlessRefused(submit(rehearsal, operation))
      if (seen !== undefined) return seen
      const after = await rehearsal.directory.head(rehearsal.account.did)
      return after.cid === before.cid ? undefined : 'it was refused, and is in the directory'
    },
  },
  {
    id: 'submitPlcOperation',
    level: 'must',
    expected:
      'submitPlcOperation passes on an operation that the owner’s key has signed, with the owner’s key in front',
    source: SOURCES.migration,
    needs: ['credentials'],
    async run(rehearsal) {
      const { owner, account, directory, origin } = rehearsal
      const target = await recommendedData(owner)
      const operation = await operationOf(rehearsal, (data) => ({
        rotationKeys: [account.rotationKey.did, ...target.rotationKeys],
        alsoKnownAs: target.alsoKnownAs,
        verificationMethods: { ...data.verificationMethods, ...target.verificationMethods },
        services: { ...data.services, ...target.services },
      }))
      await submit(rehearsal, operation)
      const { data } = await directory.head(account.did)
      return data?.services[PDS_ID]?.endpoint === origin
        ? undefined
        : 'it was accepted, and the directory does not have it: does the server use this directory?'
    },
  },
  {
    id: 'activateAccount',
    level: 'must',
    expected: 'activateAccount works once the DID names the server: then the account is active to everybody',
    source: SOURCES.account,
    needs: ['submitPlcOperation'],
    async run({ owner, anyone, account }) {
      await owner.com.atproto.server.activateAccount()
      const { activated, validDid } = await owner.com.atproto.server.checkAccountStatus()
      if (!activated || !validDid)
        return `checkAccountStatus says activated ${activated}, validDid ${validDid}`
      const { active, rev } = await anyone.com.atproto.sync.getRepoStatus({ did: account.did })
      if (!active) return 'getRepoStatus says that it is not active'
      return rev === undefined ? 'getRepoStatus names no revision' : undefined
    },
  },
  {
    id: 'handle',
    level: 'must',
    expected: 'the handle resolves to the DID on the server that has given it out',
    source: SOURCES.handle,
    needs: ['activateAccount'],
    async run({ anyone, account, newAccount }) {
      const { did } = await anyone.com.atproto.identity.resolveHandle({ handle: newAccount.handle })
      return did === account.did ? undefined : `it resolves to ${did}`
    },
  },
]
