import type { LexiconPermissionSet } from '@atproto/oauth-scopes'
import { NSID } from '@atproto/syntax'
import type { ServerName } from '../../../configValues.ts'
import type { ResolveDid } from '../../../identity/didResolver.ts'
import { IdentityError, type IdentityErrorCode } from '../../../identity/errors.ts'
import { lookUpTxtDid } from '../../../identity/txtDid.ts'
import { type Outbound, OutboundError } from '../../../outbound.ts'
import type { Platform } from '../../../platform.ts'
import { CarError } from '../../../repo/car/carError.ts'
import { readRecordProof } from '../../../repo/readRecordProof.ts'
import { RepoError } from '../../../repo/verifyRepo.ts'
import { within } from '../../../xrpc/deadline.ts'
import { recordValue, type Records } from '../../repo/records.ts'
import { parsePermissionSet } from './permissionSet.ts'

export interface FetchPermissionSetDeps {
  did: string
  /** This server's, and those that it had by other host names. */
  origin: string
  previous: readonly Pick<ServerName, 'origin'>[]
  send: Outbound
  resolveDid: ResolveDid
  records: Pick<Records, 'get'>
  platform: Pick<Platform, 'now' | 'timer'>
}

const COLLECTION = 'com.atproto.lexicon.schema'
/** For the three requests together. */
const TIMEOUT_MS = 10_000

/** Which of the failures of a request may be over the next time. */
const identityErrorCode = ({ code, status = 500 }: OutboundError): IdentityErrorCode => {
  if (code === 'Blocked' || code === 'Redirect' || code === 'TooLarge') return 'BadAnswer'
  return status >= 500 || status === 429 ? 'Unavailable' : 'NotFound'
}

const identityError = (cause: unknown): unknown => {
  if (cause instanceof OutboundError) return new IdentityError(identityErrorCode(cause), cause.message)
  if (cause instanceof RepoError || cause instanceof CarError)
    return new IdentityError('BadAnswer', `its proof does not verify: ${cause.message}`)
  return cause
}

/**
 * Fetches the document of a permission set from whom its name belongs to: the DID in the TXT record of `_lexicon.` and the
 * authority, from that account's PDS, with a proof. Throws `IdentityError`.
 */
export const createFetchPermissionSet = (
  deps: FetchPermissionSetDeps,
): ((nsid: string) => Promise<LexiconPermissionSet>) => {
  const { send, records, platform } = deps
  const own = [deps, ...deps.previous]

  const fetchRecord = async (did: string, nsid: string): Promise<Uint8Array | undefined> => {
    const { pds, signingKey } = await deps.resolveDid(did)
    // A Worker cannot ask itself.
    if (own.some(({ origin }) => origin === pds))
      return did === deps.did ? records.get(COLLECTION, nsid)?.bytes : undefined
    if (pds === undefined || signingKey === undefined)
      throw new IdentityError('BadAnswer', `the document of ${did} names no PDS or no signing key`)
    const query = new URLSearchParams({ did, collection: COLLECTION, rkey: nsid })
    const answer = await send(`${pds}/xrpc/com.atproto.sync.getRecord?${query}`, {
      accept: 'application/vnd.ipld.car',
    })
    const path = `${COLLECTION}/${nsid}`
    return await readRecordProof(answer.stream(), { did, signingKey, path, now: platform.now() })
  }

  const fetch = async (nsid: string): Promise<LexiconPermissionSet> => {
    const { authority } = NSID.parse(nsid)
    try {
      const did = await lookUpTxtDid(send, `_lexicon.${authority}`)
      if (did === undefined) throw new IdentityError('NotFound', `_lexicon.${authority} names no DID`)
      const record = await fetchRecord(did, nsid)
      if (!record) throw new IdentityError('NotFound', `${did} has no document of this name`)
      return parsePermissionSet(nsid, recordValue(record))
    } catch (cause) {
      throw identityError(cause)
    }
  }

  const late = () => new IdentityError('Unavailable', `it was not there within ${TIMEOUT_MS / 1000} seconds`)
  return (nsid) => within(platform.timer, TIMEOUT_MS, fetch(nsid), late)
}
