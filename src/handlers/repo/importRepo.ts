import { docsLink } from '../../docsLink.ts'
import { isPublicKey } from '../../crypto/publicKey.ts'
import { error } from '../../xrpc/errors.ts'
import type { Handler } from '../context.ts'

/**
 * Replaces the repository. Its commit must be signed by the key that the DID names now, or by this server's own key,
 * as in a backup that is restored. Not over what the retention lock keeps.
 */
export const importRepo: Handler<'com.atproto.repo.importRepo'> = async ({ account, input }) => {
  const ours = account.signingKey.did
  const { signingKey: named } = await account.identityWatch.lookUp()
  // The PLC directory accepts anything that looks like a key, but no commit verifies under a malformed one.
  if (named !== undefined && !isPublicKey(named))
    throw error(
      'InvalidRequest',
      `BadKey: ${account.did} names ${JSON.stringify(named.slice(0, 100))} as its key #atproto, so no commit can be verified: it must be a k256 or P-256 did:key. Have an operation signed that names the key of the PDS the repository comes from; this server's own is ${ours}. ${docsLink('repository-refused')}`,
    )
  account.lifecycle.assertNotRetained()
  await account.imports.car(input.body, {
    signingKey: named === undefined ? ours : [named, ours],
    within: (head) => {
      account.lifecycle.assertNotRetained()
      account.journal.append('import', { rev: head.rev, commit: head.root.toString() })
    },
  })
  await account.maintenance.collectLater()
}
