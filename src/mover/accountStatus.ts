/** An account as a server describes it to its owner. */
export interface AccountStatus {
  readonly active: boolean
  /** CID and revision of the commit. */
  readonly commit: string | undefined
  readonly rev: string | undefined
}
