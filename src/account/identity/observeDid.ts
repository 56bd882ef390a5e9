import type { Identity } from '../../identity/identity.ts'
import { formatDidDocument } from '../../identity/didDocument.ts'
import type { Platform } from '../../platform.ts'
import { PDS_ID, PDS_TYPE } from '../../plc/build.ts'
import type { AuditEntry, PlcHead } from '../../plc/types.ts'

/** What the network says about the DID at one moment. */
export interface Observation {
  /** Milliseconds since the epoch. */
  at: number
  /** Origin of the PDS that the DID names; undefined if it does not name one. */
  pds: string | undefined
  /** did:key of `#atproto`. */
  signingKey: string | undefined
  handle: string | undefined
  /** did:plc: the newest operation of the log, which is verified from its genesis. */
  head: PlcHead | undefined
  /** did:plc: when the directory saw each operation of that log, and which are nullified. */
  operations?: readonly Pick<AuditEntry, 'createdAt' | 'nullified'>[]
  /** The DID document; undefined for a tombstoned DID. */
  document: { [name: string]: unknown } | undefined
}

export interface ObserveDidDeps {
  identity: Pick<Identity, 'resolveDid' | 'directory'>
  platform: Pick<Platform, 'now'>
}

const originOf = (endpoint: string | undefined): string | undefined =>
  endpoint !== undefined && URL.canParse(endpoint) ? new URL(endpoint).origin : undefined

/** Asks the network. For did:plc the verified log is asked and not the document. Throws DirectoryError and IdentityError. */
export const observeDid = async (
  { identity, platform }: ObserveDidDeps,
  did: string,
): Promise<Observation> => {
  if (!did.startsWith('did:plc:')) {
    const document = await identity.resolveDid(did)
    const { pds, signingKey, handle } = document
    return { at: platform.now(), pds, signingKey, handle, head: undefined, document: document.json }
  }
  const { head, entries } = await identity.directory.log(did)
  const operations = entries.map(({ createdAt, nullified }) => ({ createdAt, nullified }))
  const at = platform.now()
  const { data } = head
  if (!data)
    return {
      at,
      head,
      operations,
      pds: undefined,
      signingKey: undefined,
      handle: undefined,
      document: undefined,
    }
  const service = data.services[PDS_ID]
  return {
    at,
    head,
    operations,
    pds: service?.type === PDS_TYPE ? originOf(service.endpoint) : undefined,
    signingKey: data.verificationMethods.atproto,
    handle: data.alsoKnownAs
      .find((name) => name.startsWith('at://'))
      ?.slice('at://'.length)
      .toLowerCase(),
    document: { ...formatDidDocument(did, data) },
  }
}
