/** Everything that asks who is who: DIDs, handles, the PLC directory, and our own documents. */
import type { Config } from '../config.ts'
import { outbound, type Outbound } from '../outbound.ts'
import type { Platform } from '../platform.ts'
import { createDirectory, type Directory } from '../plc/directory.ts'
import { createDidResolver, type ResolveDid } from './did.ts'
import { accountDocument, serviceDocument, type DidDocumentJson } from './didDocument.ts'
import { createHandleResolver, type ResolveHandle } from './handle.ts'

export interface Identity {
  resolveDid: ResolveDid
  resolveHandle: ResolveHandle
  directory: Directory
  send: Outbound
  /** The document at `/.well-known/did.json`: the account's where its DID is this host's, else the server's. */
  ownDocument: DidDocumentJson
}

/** `signingKey` is the account's, as did:key. */
export function createIdentity(
  config: Config,
  signingKey: string,
  platform: Pick<Platform, 'fetch'>,
): Identity {
  const { did, handle, origin, serviceDid, plcUrl, dev } = config
  const send = outbound(platform, { dev })
  const plc = createDirectory(send, plcUrl)
  const ownDocument =
    did === serviceDid
      ? accountDocument({ did, handle, origin, signingKey })
      : serviceDocument(serviceDid, origin)
  return {
    send,
    directory: plc,
    ownDocument,
    resolveDid: createDidResolver({
      send,
      directory: plc,
      dev,
      own: (asked) => (asked === serviceDid ? ownDocument : undefined),
    }),
    resolveHandle: createHandleResolver({ send, own: { handle, did }, dev }),
  }
}
