/** What the tests and the process of an AppView say to each other. */

export type Question = { readonly id: number } & (
  | { readonly ask: 'boot'; readonly plcUrl: string; readonly directory: string }
  | { readonly ask: 'follow'; readonly pdsUrl: string }
  | { readonly ask: 'pause' | 'resume' | 'stop' }
  | { readonly ask: 'settle'; readonly revs: Readonly<Record<string, string>> }
)

export interface Booted {
  readonly url: string
  readonly did: string
  readonly postgresPid: number
}
