import { outbound, type Outbound } from '../outbound.ts'
import type { Platform } from '../platform.ts'
import { createDirectory, type Directory } from '../plc/directory.ts'
import { createDidResolver, type ResolveDid } from './didResolver.ts'
import { accountDocument, serviceDocument, type DidDocumentJson } from './didDocument.ts'
import { createHandleLookup, createHandleResolver, type ResolveHandle } from './handleResolver.ts'
import { createSharedLookups } from './sharedLookups.ts'

/** What the configuration says about the account and this server. */
export interface IdentityConfig {
  did: string
  handle: string
  /** This server's origin and DID. */
  origin: string
  serviceDid: string
  plcUrl: string
  dev: boolean
}

export interface Identity {
  resolveDid: ResolveDid
  resolveHandle: ResolveHandle
  directory: Directory
  send: Outbound
  /** The document at `/.well-known/did.json`: the account's if its DID is this host's did:web, else the server's. */
  ownDocument: DidDocumentJson
}

/**
 * Resolves DIDs and handles, asks the PLC directory, and gives our own DID document. `signingKey` is the account's, as
 * did:key.
 */
export function createIdentity(
  config: IdentityConfig,
  signingKey: string,
  platform: Pick<Platform, 'fetch' | 'now' | 'timer' | 'keepAlive'>,
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
    resolveHandle: createHandleResolver({
      lookUp: createSharedLookups({ platform, lookUp: createHandleLookup({ send }) }),
      own: { handle, did },
      dev,
    }),
  }
}
