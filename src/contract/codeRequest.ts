/** What a mailed code confirms. */
export type CodePurpose = 'plc-signature' | 'account-deletion'

/** The mail that somebody reads. */
export interface CodeRequest {
  readonly purpose: CodePurpose
  readonly did: string
  readonly handle: string
  /** It was sent after this: an ISO time. */
  readonly since: string
  /** What the server said of the code that was given before. */
  readonly refused?: string
}

/** Reads a mail: resolves with its code. Rejects with `NoCode` where there is none, which ends the area. */
export type AskCode = (asked: CodeRequest) => Promise<string>

/** A code that nobody has. It is not the server's fault: the area ends early, and the report says why. */
export class NoCode extends Error {
  override readonly name = 'NoCode'
}
