import { outbound, type Outbound } from '../outbound.ts'
import type { Platform } from '../platform.ts'
import { createDirectory, type Directory } from '../plc/directory.ts'
import { createDidResolver, type ResolveDid } from './didResolver.ts'
import { accountDocument, serviceDocument, type DidDocumentJson } from './didDocument.ts'
import { createHandleLookup, createHandleResolver, type ResolveHandle } from './handleResolver.ts'
import type { OwnIdentity, ReadOwnIdentity } from './ownIdentity.ts'
import { createSharedLookups } from './sharedLookups.ts'

/** What the configuration says about the account and this server. */
export interface IdentityConfig {
  did: string
  hostname: string
  /** This server's origin and DID. */
  origin: string
  serviceDid: string
  plcUrl: string
  dev: boolean
}

export interface Identity {
  resolveDid: ResolveDid
  /** Resolves a handle: the account's own without a request, any other by the network, with a cache and limits. */
  resolveHandle: ResolveHandle
  /** Whether a handle, in lower case, is the account's or this server's name. Nobody else is asked. */
  isOwnHandle(handle: string): Promise<boolean>
  /**
   * What the network says about a valid handle, also about the account's own: `cached`, as it was found some minutes
   * ago, or now. A handle that is this server's host name resolves through this server. Throws IdentityError.
   */
  lookUpHandle(handle: string, options?: { cached?: boolean }): Promise<string>
  directory: Directory
  send: Outbound
  /** The account that this server is for; nothing while its handle cannot be had. */
  ownAccount(): Promise<{ account?: { did: string; handle: string } }>
  /** The document at `/.well-known/did.json`: the account's if its DID is this host's did:web, else the server's. */
  ownDocument(): Promise<DidDocumentJson>
}

/**
 * How old the Worker's knowledge of its account may be where it counts: in the DID document, which other servers verify
 * by. Strangers cause one request to the object in this time.
 */
const FRESH_AGE_MS = 1000
/** The same where it is only about the handle. */
const HANDLE_AGE_MS = 30_000

/** Resolves DIDs and handles, asks the PLC directory, and gives our own DID document. */
export function createIdentity(
  config: IdentityConfig,
  own: ReadOwnIdentity,
  platform: Pick<Platform, 'fetch' | 'now' | 'timer' | 'keepAlive'>,
): Identity {
  const { did, hostname, origin, serviceDid, plcUrl, dev } = config
  const send = outbound(platform, { dev })
  const plc = createDirectory(send, plcUrl)
  const lookUp = createHandleLookup({ send })
  const lookUpShared = createSharedLookups({ platform, noun: 'handle', lookUp })

  const documentOf = ({ elsewhere, ...here }: OwnIdentity): DidDocumentJson =>
    accountDocument({ did, origin, ...here, ...(elsewhere && { ...elsewhere, origin: elsewhere.pds }) })

  const ownDocument = async (): Promise<DidDocumentJson> =>
    did === serviceDid ? documentOf(await own(FRESH_AGE_MS)) : serviceDocument(serviceDid, origin)

  /** Whether the handle resolves without the network: every server answers at its own name, and names like `alice.test` lead nowhere. */
  const resolvesHere = (handle: string): boolean => handle === hostname || (dev && handle.endsWith('.test'))

  /** A new handle is known within a second, and one that was given up for at most so long as the answer is kept. */
  const isOwnHandle = async (handle: string): Promise<boolean> =>
    handle === hostname ||
    handle === (await own(HANDLE_AGE_MS)).handle ||
    handle === (await own(FRESH_AGE_MS)).handle

  return {
    send,
    directory: plc,
    ownDocument,
    async ownAccount() {
      try {
        return { account: { did, handle: (await own(HANDLE_AGE_MS)).handle } }
      } catch {
        return {}
      }
    },
    isOwnHandle,
    resolveDid: createDidResolver({
      send,
      directory: plc,
      dev,
      own: async (asked) => (asked === serviceDid ? await ownDocument() : undefined),
    }),
    resolveHandle: createHandleResolver({
      lookUp: lookUpShared,
      own: async (handle) => ((await isOwnHandle(handle)) ? did : undefined),
      dev,
    }),
    lookUpHandle: async (handle, { cached = false } = {}) => {
      if (resolvesHere(handle)) return did
      return await (cached ? lookUpShared(handle) : lookUp(handle))
    },
  }
}
