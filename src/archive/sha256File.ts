import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { isObject } from '../isObject.ts'

/** Size and hash (hex) of a file, as it is read from the disk; undefined if there is no such file. */
export const sha256File = async (
  file: string,
  onBytes: (count: number) => void = () => {},
): Promise<{ size: number; sha256: string } | undefined> => {
  const hash = createHash('sha256')
  let size = 0
  try {
    for await (const chunk of createReadStream(file)) {
      const bytes: Buffer = chunk
      hash.update(bytes)
      size += bytes.length
      onBytes(bytes.length)
    }
  } catch (cause) {
    if (isObject(cause) && (cause['code'] === 'ENOENT' || cause['code'] === 'EISDIR')) return undefined
    throw cause
  }
  return { size, sha256: hash.digest('hex') }
}
