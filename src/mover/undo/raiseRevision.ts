import { nextTid } from '../../repo/tid.ts'
import { ofSource } from '../refusal.ts'
import { statusOf } from '../peers/passwordSource.ts'
import type { Undo } from './undoTypes.ts'

/** A collection that nobody shows. */
const COLLECTION = 'com.cirrus.revision'

/**
 * Relays that have seen a revision of the other server ignore everything below it. A server that activates the account with
 * an old commit, as the reference does, has to sign another one: a record is written and deleted at once.
 */
export async function raiseRevision({ home, did, request }: Undo, seen: string | undefined): Promise<void> {
  const { client, origin } = home
  const { rev } = await ofSource(statusOf(client))
  // Without a look at the other server its revision is at most the present time.
  const least = seen ?? nextTid(request.deps.now())
  if (rev !== undefined && rev > least) return
  const { repo } = client.com.atproto
  const rkey = nextTid(request.deps.now())
  const record = { $type: COLLECTION, createdAt: new Date(request.deps.now()).toISOString() }
  await ofSource(repo.createRecord({ repo: did, collection: COLLECTION, rkey, record, validate: false }))
  await ofSource(repo.deleteRecord({ repo: did, collection: COLLECTION, rkey }))
  request.emit({
    type: 'step',
    step: 'revision',
    text: `${origin} signed a commit above the revisions that the network has seen`,
  })
}
