/** What the owner is asked on the authorization page, and what comes of it. */

export type Decision = 'approve' | 'deny'

/** Where the owner signs in, and as whom. */
export interface SignIn {
  readonly name: 'cirrus' | 'reference'
  /** Its origin, as it calls itself. */
  readonly url: string
  /** Where it listens: the same, unless it has a public name. */
  readonly address: string
  readonly did: string
  readonly handle: string
  readonly password: string
}

/** How the client got its answer. */
export interface Answer {
  readonly params: URLSearchParams
  /** `GET` with a query or a fragment, or `POST` with a form. */
  readonly method: string
}
