import { keyRoles } from '../../plc/keyRoles.ts'
import type { PlcData } from '../../plc/types.ts'
import { keysOfMove } from '../../plc/undo.ts'
import { previewOperation, type PreviewLine } from '../identity/preview.ts'
import type { Additions } from './additions.ts'
import { serversOf } from './findUndo.ts'
import type { Undo } from './undoTypes.ts'

export const summary = (
  { created, updated, deleted, collections, blobs, lostBlobs, conflicts }: Additions,
  origin: string,
): string[] => {
  if (created + updated + deleted === 0) return [`nothing was written to ${origin} since the move`]
  const each = Object.entries(collections).map(([name, count]) => `${name}: ${count}`)
  return [
    `written to ${origin} since the move: ${created} created, ${updated} changed, ${deleted} not there any more`,
    ...(each.length > 0 ? [each.join(', ')] : []),
    ...(blobs > 0
      ? [blobs === 1 ? 'one blob of them was fetched' : `${blobs} blobs of them were fetched`]
      : []),
    ...lostBlobs.map((lost) => `a blob could not be fetched: ${lost}`),
    ...(conflicts.length > 0
      ? [`${conflicts.length} of them were changed on both servers, and stay as they are`]
      : []),
  ]
}

const NOTHING: PlcData = { rotationKeys: [], alsoKnownAs: [], verificationMethods: {}, services: {} }

/** What a key of this server is called. */
const whose = (origin: string | undefined): string =>
  origin === undefined ? 'the other server’s' : `${new URL(origin).host}’s`

/** The operation as its owner sees it: the server that the account returns to is the one whose keys come back. */
export const previewOf = ({ log, found, request, home }: Undo): PreviewLine[] => {
  // A tombstone leaves nothing of a DID.
  const before = log.head.data ?? NOTHING
  const { rotation, operation } = found
  if (!operation) return []
  const moved = keysOfMove(log, rotation).keys
  const signer = log.signers.get(rotation.entry.cid)
  const all = [...new Set([...before.rotationKeys, ...operation.rotationKeys])]
  const roles = keyRoles(all, {
    owner: [...(request.ownerKeys ?? []), ...(found.signer === undefined ? [] : [found.signer])],
    source: { named: moved },
    target: { signed: signer === undefined ? [] : [signer] },
  })
  const { to } = serversOf(rotation)
  const names = { source: whose(to), target: whose(home.origin) }
  return previewOperation({ before, after: operation, roles, names })
}
