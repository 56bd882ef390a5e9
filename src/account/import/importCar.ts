import { isPublicKey } from '../../crypto/publicKey.ts'
import { docsLink } from '../../docsLink.ts'
import { error } from '../../xrpc/errors.ts'
import type { Head } from '../db/head.ts'
import type { Imported, Imports } from './imports.ts'

export interface ImportCarOptions {
  /** How many bytes are accepted. */
  limit?: number
  /** The server that the CAR was fetched from, for the journal. */
  source?: string
  /** Runs inside the transaction that switches. */
  within?: (head: Head) => void
}

/**
 * Replaces the repository. Its commit must be signed by the key that the DID names now, or by this server's own key,
 * as in a backup that is restored. Not over what the retention lock keeps.
 */
export type ImportCar = (body: ReadableStream<Uint8Array>, options?: ImportCarOptions) => Promise<Imported>

export interface ImportCarDeps {
  did: string
  /** did:key of this server's signing key. */
  ours: string
  /** did:key of the key that the DID names now. */
  namedKey(): Promise<string | undefined>
  /** Throws while the retention lock keeps what is here. */
  assertNotRetained(): void
  imports: Pick<Imports, 'car'>
  journal: { append(event: string, detail: Record<string, string>): unknown }
  /** What was here before is collected later. */
  collectLater(): Promise<void>
}

export const createImportCar =
  ({ did, ours, namedKey, assertNotRetained, imports, journal, collectLater }: ImportCarDeps): ImportCar =>
  async (body, { limit, source, within } = {}) => {
    const named = await namedKey()
    // The PLC directory accepts anything that looks like a key, but no commit verifies under a malformed one.
    if (named !== undefined && !isPublicKey(named))
      throw error(
        'InvalidRequest',
        `BadKey: ${did} names ${JSON.stringify(named.slice(0, 100))} as its key #atproto, so no commit can be verified: it must be a k256 or P-256 did:key. Have an operation signed that names the key of the PDS the repository comes from; this server's own is ${ours}. ${docsLink('repository-refused')}`,
      )
    assertNotRetained()
    const imported = await imports.car(body, {
      signingKey: named === undefined ? ours : [named, ours],
      ...(limit !== undefined && { limit }),
      within: (head) => {
        assertNotRetained()
        const detail = { rev: head.rev, commit: head.root.toString() }
        journal.append('import', source === undefined ? detail : { ...detail, from: source })
        within?.(head)
      },
    })
    await collectLater()
    return imported
  }
