/** What was asked, as a line of curl without secrets, and the beginning of what came back. */
export interface Exchange {
  readonly curl: string
  /** Absent where there was no answer. */
  readonly status?: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}
