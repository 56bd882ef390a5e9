/** A browser in which the owner signed in. Times are in milliseconds since the epoch. */
export interface BrowserSignIn {
  /** Not a secret. */
  id: string
  via: 'password' | 'passkey'
  /** The User-Agent, made safe to show. */
  client: string | undefined
  /** It lasts for seven days; others for 15 minutes after their last use. */
  isRemembered: boolean
  createdAt: number
  expiresAt: number
}

/** How a browser signs in. */
export interface BrowserSigningIn {
  via: BrowserSignIn['via']
  remember: boolean
  client: string | undefined
  /** The secret that the browser has so far: its sign-in ends, and pages that were opened with it go on working. */
  replaces?: string | undefined
}

/** The browsers in which the owner is signed in. Of their secrets only hashes are kept. */
export interface BrowserSignIns {
  /** Opens one, journals it, and returns the secret for the cookie. */
  open(signIn: BrowserSigningIn): string
  /** The sign-in with this secret, which counts as used. */
  find(secret: string): BrowserSignIn | undefined
  /** The newest first. */
  list(): BrowserSignIn[]
  /** Ends one, and journals it. False if there is none with this id. */
  end(id: string): boolean
  /** Ends all but `except` (an id), or those that were opened so, and journals it if there were any; returns how many. */
  endAll(except?: string, via?: BrowserSignIn['via']): number
}
