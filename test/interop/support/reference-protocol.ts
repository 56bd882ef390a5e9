/** What the parent and the child of a reference PDS say to each other. */

export interface Boot {
  readonly plcUrl: string
  readonly directory: string
  readonly port?: number
  /** Options of the reference's own `ServerEnvironment`, over ours. */
  readonly env?: Readonly<Record<string, unknown>>
  /** Origins that are asked elsewhere: the public name of a client's documents, and where they are served on loopback. */
  readonly hosts?: Readonly<Record<string, string>>
}

/** A mail that it would have sent. */
export interface Mail {
  /** Such as `plcOperation` or `deleteAccount`. */
  readonly template: string
  readonly to: string
  /** The code in it. */
  readonly token: string
}

export type Question = { readonly id: number } & (
  | ({ readonly ask: 'boot' } & Boot)
  | { readonly ask: 'plcToken'; readonly did: string }
  | { readonly ask: 'setHandle'; readonly handle: string; readonly did: string }
  | { readonly ask: 'mails' }
  | { readonly ask: 'memory' }
  | { readonly ask: 'shiftClock'; readonly ms: number }
  | { readonly ask: 'restart' }
  | { readonly ask: 'stop' }
)

/** In bytes. `peakRss` is the highest the process ever had. */
export interface Memory {
  readonly rss: number
  readonly heapUsed: number
  readonly external: number
  readonly peakRss: number
}
