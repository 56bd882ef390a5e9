import { error } from '../../../xrpc/errors.ts'
import type { BlobReference } from '../../../repo/blobRefs.ts'
import type { Blobs } from '../../blobs/blobs.ts'

/**
 * Checks that the blobs to which a record newly refers are stored, with the size and type that the record states: clients
 * and AppViews rely on it, and nothing else checks it. Call it right before the commit's transaction, with nothing awaited
 * in between: an upload that no record refers to may be deleted at any time.
 */
export const requireBlobs = (
  refs: readonly BlobReference[],
  blobs: Pick<Blobs, 'stat' | 'isReferenced'>,
): void => {
  for (const { cid, size, mimeType } of refs) {
    const stored = blobs.stat(cid.toString())
    if (!stored)
      throw error('InvalidRequest', `Could not find blob: ${cid}. Upload it first, with uploadBlob`)
    // Size and type were compared when the first record referred to the blob. A migration tool may have stored another
    // type than the records state.
    if (blobs.isReferenced(cid.toString())) continue
    if (size !== undefined && stored.size !== size)
      throw error('InvalidRequest', `The blob ${cid} has ${stored.size} bytes, the record says ${size}`)
    if (stored.mimeType !== mimeType)
      throw error(
        'InvalidRequest',
        `The blob ${cid} is of type ${stored.mimeType}, the record says ${mimeType}`,
      )
  }
}
