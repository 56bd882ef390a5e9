import { BlobRef } from '@atproto/lexicon'
import { parseCid } from '@atproto/lex-data'
import { CID } from 'multiformats/cid'
import { statedBlobType } from '../../account/repo/statedBlobType.ts'
import { REQUEST_LIMIT_BYTES } from '../../limits.ts'
import type { Handler } from '../context.ts'

export const uploadBlob: Handler<'com.atproto.repo.uploadBlob'> = async ({ account, input, network }) => {
  // An account that is moving in takes as many as it has.
  if (account.isActivated()) account.rateLimits.upload(network)
  const { cid, size, mimeType } = await account.blobs.upload(input.body, {
    mimeType: input.encoding,
    length: input.length,
    limit: REQUEST_LIMIT_BYTES,
    // A mover brings the repository first, and goat sends every blob as `*/*`.
    statedType: statedBlobType(account),
  })
  await account.maintenance.collectLater()
  return { blob: new BlobRef(CID.decode(parseCid(cid).bytes), mimeType, size) }
}
