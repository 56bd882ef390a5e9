import type { SigningKey } from '../../signing/keys.ts'
import { readSigningKey, setSigningKey } from '../db/accountRow.ts'
import type { Sql } from '../db/sql.ts'

/** The secret that a key comes from. */
export type KeySecret = 'SIGNING_KEY' | 'NEXT_SIGNING_KEY'

/** The account's signing keys: the one in use, and the one that is to take its place. */
export interface SigningKeys {
  /** The key in use, also after it has changed: it signs with the one that the account has then. */
  readonly inUse: SigningKey
  /** The secret that the key in use comes from. */
  readonly secret: KeySecret
  /** The key of NEXT_SIGNING_KEY, while it is not in use. */
  readonly next: SigningKey | undefined
  /** Puts this key in use, in the transaction of the commit that it has signed. */
  use(key: SigningKey): void
}

/** The account's row says which key is in use; at first, and if it names neither of the two, SIGNING_KEY is. */
export const createSigningKeys = (deps: {
  sql: Sql
  /** SIGNING_KEY. */
  configured: SigningKey
  /** NEXT_SIGNING_KEY, if it is set. */
  waiting: SigningKey | undefined
}): SigningKeys => {
  const { sql, configured, waiting } = deps
  const current = (): SigningKey => {
    const stored = readSigningKey(sql)
    return stored !== configured.did && stored === waiting?.did ? (waiting ?? configured) : configured
  }
  return {
    inUse: {
      get did() {
        return current().did
      },
      get multibase() {
        return current().multibase
      },
      commitKeypair: (accountDid) => current().commitKeypair(accountDid),
      signServiceToken: (claims) => current().signServiceToken(claims),
      signMigrationToken: (claims) => current().signMigrationToken(claims),
      signManifest: (claims) => current().signManifest(claims),
      signStatement: (claims) => current().signStatement(claims),
    },
    get secret() {
      return current() === configured ? 'SIGNING_KEY' : 'NEXT_SIGNING_KEY'
    },
    get next() {
      return waiting?.did === current().did ? undefined : waiting
    },
    use: ({ did }) => setSigningKey(sql, did),
  }
}
