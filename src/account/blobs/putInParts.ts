/**
 * R2 requires that all parts of an upload but the last have the same size, at least 5 MiB. This is also the most that is
 * buffered of a body without a declared length.
 */
const PART_BYTES = 5 * 1024 * 1024

/** Stores a body without a declared length: in one put if it fits into a part, otherwise as an upload in parts. */
export const putInParts = async (
  bucket: R2Bucket,
  key: string,
  chunks: AsyncIterable<Uint8Array>,
  options: R2MultipartOptions,
): Promise<void> => {
  const part = new Uint8Array(PART_BYTES)
  let filled = 0
  let upload: R2MultipartUpload | undefined
  const parts: R2UploadedPart[] = []
  try {
    for await (const chunk of chunks) {
      for (let rest = chunk; rest.length > 0;) {
        if (filled === PART_BYTES) {
          upload ??= await bucket.createMultipartUpload(key, options)
          parts.push(await upload.uploadPart(parts.length + 1, part))
          filled = 0
        }
        const piece = rest.subarray(0, PART_BYTES - filled)
        part.set(piece, filled)
        filled += piece.length
        rest = rest.subarray(piece.length)
      }
    }
    if (!upload) return void (await bucket.put(key, part.subarray(0, filled), options))
    parts.push(await upload.uploadPart(parts.length + 1, part.subarray(0, filled)))
    await upload.complete(parts)
  } catch (cause) {
    await upload?.abort().catch(() => {})
    throw cause
  }
}
