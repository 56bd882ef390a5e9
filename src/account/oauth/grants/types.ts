import type { GrantAccessClaims } from '../../../signing/grantTokens.ts'

/** What an app was granted. Times are in milliseconds since the epoch. */
export interface Grant {
  /** Not a secret. */
  id: string
  clientId: string
  /** The name that the client claimed when it was granted. */
  clientName: string | undefined
  scope: string
  /** The scope with its permission sets resolved, as of the latest refresh. */
  expanded: string
  /** The thumbprint of the key that its tokens are bound to. */
  jkt: string
  createdAt: number
  /** When it was last refreshed: a row for each request would cost too much. */
  lastUsedAt: number
  expiresAt: number
}

/** The grants that have not ended. */
export interface Grants {
  find(id: string): Grant | undefined
  /** The one that was used last first. */
  list(): Grant[]
  /** Ends a grant for the owner, and journals it. False if there is none with this id. */
  end(id: string): boolean
  /** Ends every grant, and journals it if there were any; returns how many. */
  endAll(reason: string): number
}

/** Access tokens of grants. */
export interface GrantTokens {
  /** Verifies a token's signature, type and lifetime; whether its grant has ended is for the caller. Throws TokenError. */
  verify(token: string): Promise<GrantAccessClaims>
}
