import type { Handler } from '../context.ts'
import { requireOwnDid } from '../requireOwnRepo.ts'

const blobHeaders = (cid: string): Record<string, string> => ({
  // A browser saves a blob under this name and never shows it in this server's origin, whatever its type.
  'content-disposition': `attachment; filename="${cid}"`,
  // no-transform: if Cloudflare compressed a text on its way, it would arrive without its length.
  'cache-control': 'private, max-age=31536000, immutable, no-transform',
})

export const getBlob: Handler<'com.atproto.sync.getBlob'> = async ({
  account,
  auth,
  params,
  conditions,
  error,
}) => {
  const { did, cid } = params
  requireOwnDid(account, did, error)
  const meta = account.blobs.stat(cid)
  // An uploaded blob that no record refers to yet is for its uploader only.
  if (!meta || !account.blobs.isReferenced(cid)) throw error('BlobNotFound', `Blob not found: ${cid}`)
  if (conditions.ifNoneMatch?.some((tag) => tag === cid || tag === '*'))
    return { notModified: true, etag: cid }
  // No range of an empty blob can be satisfied, so it is sent whole.
  const range = meta.size > 0 ? conditions.range : undefined
  if (range && ('offset' in range ? range.offset >= meta.size : range.suffix === 0))
    throw error('InvalidRequest', `Range: the blob has ${meta.size} bytes`, {
      'content-range': `bytes */${meta.size}`,
    })
  const read = await account.blobs.get(cid, { range })
  if (!read)
    throw error('BlobNotFound', `Blob not found: ${cid}. It is registered, but its bytes are missing`)
  if (auth.kind === 'token') account.copies.noteBlob(cid)
  return {
    encoding: meta.mimeType,
    body: read.body,
    etag: cid,
    headers: blobHeaders(cid),
    ...(read.range ? { range: { ...read.range, size: meta.size } } : { length: meta.size }),
  }
}
