import { upstream } from '../../account/upstream.ts'
import type { Handler } from '../context.ts'

/** The commit must be signed by the key that the DID names now, or by ours: a backup that comes back. */
export const importRepo: Handler<'com.atproto.repo.importRepo'> = async ({ account, input }) => {
  const named = await account.watch.observe().catch((cause: unknown) => {
    throw upstream(cause)
  })
  const ours = account.signingKey.did
  await account.imports.car(input.body, {
    signingKey: named.signingKey === undefined ? ours : [named.signingKey, ours],
    within: (head) => account.journal.append('import', { rev: head.rev, commit: head.root.toString() }),
  })
  await account.chores.collectSoon()
}
