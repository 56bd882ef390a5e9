/** The parts of @atproto/bsky and its companions used here, declared by hand: the types are checked without them. */

export interface Subscription {
  start(): void | Promise<void>
  stop(): Promise<void>
  /** Waits until what has arrived is indexed. */
  processAll(): Promise<void>
  destroy(): Promise<void>
}

interface Stoppable {
  destroy(): Promise<unknown>
}

interface HandleResolver {
  readonly handle: { resolve(handle: string): Promise<string | undefined> }
}

export interface Database {
  readonly pool: { query(sql: string): Promise<{ rows: Record<string, unknown>[] }> }
  migrateToLatestOrThrow(): Promise<void>
  close(): Promise<void>
}

export interface BskyModule {
  readonly Database: new (options: { url: string; schema: string; poolSize?: number }) => Database
  readonly ServerConfig: new (values: Record<string, unknown>) => object
  readonly DataPlaneServer: {
    create(
      db: Database,
      port: number,
      plcUrl: string,
      fetch: typeof globalThis.fetch,
    ): Promise<Stoppable & { readonly idResolver: HandleResolver }>
  }
  readonly BskyAppView: {
    create(options: {
      config: object
      signingKey: object
    }): Stoppable & { readonly ctx: { readonly idResolver?: HandleResolver }; start(): Promise<unknown> }
  }
  readonly BsyncSubscription: new (options: { config: object; db: Database }) => Stoppable & {
    start(): void
    processAll(targets: Readonly<Record<string, string | undefined>>, timeout?: number): Promise<void>
  }
  readonly RepoSubscription: new (options: {
    service: string
    db: Database
    idResolver: object
  }) => Subscription
}

interface BsyncService extends Stoppable {
  readonly ctx: {
    readonly db: Database
    /** What it tells of a user who has seen their notifications. */
    readonly dataplaneClients: {
      updateNotificationSeen(seen: { actorDid: string; timestamp: { toDate(): Date } }): Promise<void>
    }[]
  }
  start(): Promise<unknown>
}

export interface BsyncModule {
  readonly BsyncService: { create(config: unknown): Promise<BsyncService> }
  envToCfg(env: Record<string, unknown>): unknown
}

interface Keypair {
  did(): string
}

export interface CryptoModule {
  readonly Secp256k1Keypair: { create(): Promise<Keypair> }
}

interface DidDocumentData {
  readonly services: Readonly<Record<string, { readonly type: string; readonly endpoint: string }>>
}

export interface PlcModule {
  readonly Client: new (url: string) => {
    createDid(options: {
      signingKey: string
      rotationKeys: string[]
      handle: string
      pds: string
      signer: Keypair
    }): Promise<string>
    updateData(
      did: string,
      signer: Keypair,
      change: (data: DidDocumentData) => DidDocumentData,
    ): Promise<void>
  }
}
