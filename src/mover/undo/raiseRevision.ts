import { nextTid } from '../../repo/tid.ts'
import { isRefusal, moverFailure, ofSource } from '../refusal.ts'
import { statusOf } from '../peers/passwordSource.ts'
import type { Undo } from './undoTypes.ts'

/** A collection that nobody shows. */
const COLLECTION = 'com.cirrus.revision'

const RKEY = 'self'

/**
 * Relays that have seen a revision of the other server ignore everything below it. A server that activates the account with
 * an old commit, as the reference does, has to sign another one: a record is written and deleted at once.
 */
export async function raiseRevision({ home, did, request }: Undo, seen: string | undefined): Promise<void> {
  const { client, origin } = home
  const { repo } = client.com.atproto
  const at = { repo: did, collection: COLLECTION, rkey: RKEY }
  const isThere = await repo.getRecord(at).then(
    () => true,
    (cause: unknown) => {
      if (isRefusal(cause)) return false
      throw moverFailure(cause, 'source')
    },
  )
  const { rev } = await ofSource(statusOf(client))
  // Without a look at the other server its revision is at most the present time.
  const least = seen ?? nextTid(request.deps.now())
  if (!isThere && rev !== undefined && rev > least) return
  const record = { $type: COLLECTION, createdAt: new Date(request.deps.now()).toISOString() }
  // An earlier run may have died in between.
  if (!isThere) await ofSource(repo.createRecord({ ...at, record, validate: false }))
  await ofSource(repo.deleteRecord(at))
  request.emit({
    type: 'step',
    step: 'revision',
    text: `${origin} signed a commit above the revisions that the network has seen`,
  })
}
