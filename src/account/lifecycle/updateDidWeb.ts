import { isPublicKey } from '../../crypto/publicKey.ts'
import { fault } from '../../fault.ts'
import { accountDocument, type DidDocumentJson } from '../../identity/didDocument.ts'
import { checkUrl, OutboundError } from '../../outbound.ts'
import { error } from '../../xrpc/errors.ts'
import { type ElsewhereDid, readElsewhereDid, setElsewhereDid } from '../db/accountRow.ts'
import { isPlc } from '../plc/requirePlc.ts'
import type { LifecycleDeps } from './lifecycleDeps.ts'

export interface UpdateDidWebOptions {
  /** The PDS, its key and the handle that did.json is to name; undefined: this server's. */
  to: Partial<ElsewhereDid> | undefined
  /** Only says what would be served. */
  preview?: boolean | undefined
}

export interface UpdatedDidWeb {
  before: DidDocumentJson
  after: DidDocumentJson
}

const refuse = (message: string) => error('InvalidRequest', message)

/** What the document is to name, checked: a mistake here would make the account unreachable. */
const parse = (
  { origin, handle, dev }: LifecycleDeps,
  { pds = '', signingKey = '', handle: named = handle() }: Partial<ElsewhereDid>,
): ElsewhereDid => {
  if (!isPublicKey(signingKey))
    throw refuse(
      `signingKey: ${JSON.stringify(signingKey.slice(0, 100))} is not a k256 or P-256 did:key: take \`atproto\` of the new PDS's getRecommendedDidCredentials`,
    )
  try {
    const url = checkUrl(pds, { dev })
    if (url.href !== `${url.origin}/`)
      throw refuse(`pds: ${JSON.stringify(pds)} is not the origin of a server`)
    if (url.origin === origin)
      throw refuse(`pds: ${origin} is this server: \`back\` has the document name it again`)
    return { pds: url.origin, signingKey, handle: named.toLowerCase() }
  } catch (cause) {
    throw cause instanceof OutboundError ? refuse(`pds: ${cause.message}`) : cause
  }
}

/**
 * Has the did.json that this host serves name another PDS, or this one again. The account follows, as when anybody
 * changes a DID document: it has moved, or moved back. May be repeated.
 */
export const updateDidWeb = async (
  deps: LifecycleDeps,
  { to: asked, preview = false }: UpdateDidWebOptions,
): Promise<UpdatedDidWeb> => {
  const { did, serviceDid, origin, handle, signingKey, sql, journal, identityWatch, watchMove } = deps
  if (isPlc(did)) throw refuse(`${did} is not a did:web: its document follows from operations (\`pds move\`)`)
  if (did !== serviceDid)
    throw refuse(`the document of ${did} is not served here: edit /.well-known/did.json there, by hand`)
  const documentOf = (to: ElsewhereDid | undefined): DidDocumentJson =>
    accountDocument({
      did,
      origin: to?.pds ?? origin,
      handle: to?.handle ?? handle(),
      signingKey: to?.signingKey ?? signingKey.did,
    })
  const to = asked && parse(deps, asked)
  const before = readElsewhereDid(sql)
  const result = { before: documentOf(before), after: documentOf(to) }
  if (preview) return result
  await watchMove()
  if (JSON.stringify(before) !== JSON.stringify(to))
    sql.transaction(() => {
      setElsewhereDid(sql, to)
      const { pds, signingKey: key } = to ?? { pds: origin, signingKey: signingKey.did }
      journal.append('did-web', { pds, signingKey: key })
    })
  fault('didWeb.afterStored')
  // From our own document: the state of the account and the network learn of it now.
  await identityWatch.lookUp()
  return result
}
