import { XrpcError } from '../../../xrpc/errors.ts'
import type { BlobReference } from '../../../repo/blobRefs.ts'
import type { Blobs } from '../../blobs/blobs.ts'

/**
 * Checks that the blobs to which a record newly refers are stored, with the size and type that the record states: clients
 * and AppViews rely on it, and nothing else checks it. Call it right before the commit's transaction, with nothing awaited
 * in between: an upload that no record refers to may be deleted at any time.
 */
export const requireBlobs = (refs: readonly BlobReference[], blobs: Pick<Blobs, 'stat'>): void => {
  for (const { cid, size, mimeType } of refs) {
    const stored = blobs.stat(cid.toString())
    if (!stored)
      throw new XrpcError('BlobNotFound', `Could not find blob: ${cid}. Upload it first, with uploadBlob`)
    if (stored.size !== size)
      throw new XrpcError(
        'InvalidSize',
        `The blob ${cid} has ${stored.size} bytes, the record says ${size ?? 'nothing of it'}`,
      )
    if (stored.mimeType !== mimeType)
      throw new XrpcError(
        'InvalidMimeType',
        `The blob ${cid} is of type ${stored.mimeType}, the record says ${mimeType}: refer to it as uploadBlob answered`,
      )
  }
}
