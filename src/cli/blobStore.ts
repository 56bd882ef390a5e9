/** Blobs as files named by their CID. What is there with the right hash is never fetched again. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf } from '../client/cid.ts'
import { CliError } from './errors.ts'
import { isMissing, writeWhole } from './files.ts'

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

export interface BlobStore {
  file(cid: string): string
  /** The size of the blob, if it is here and whole. */
  have(cid: string): Promise<number | undefined>
  /** Writes it if its hash is the one in its CID. Gives its size. */
  put(cid: string, body: AsyncIterable<Uint8Array>): Promise<number>
}

export function blobStore(folder: string): BlobStore {
  // A CID comes from the network: only one that `digestOf` takes is ever a file name.
  const file = (cid: string): string => {
    digestOf(cid)
    return join(folder, cid)
  }
  return {
    file,
    async have(cid) {
      const name = file(cid)
      try {
        const { size } = await stat(name)
        const hash = createHash('sha256')
        for await (const chunk of createReadStream(name)) hash.update(chunk)
        return sameBytes(hash.digest(), digestOf(cid)) ? size : undefined
      } catch (cause) {
        if (isMissing(cause)) return undefined
        throw cause
      }
    },
    async put(cid, body) {
      const hash = createHash('sha256')
      async function* checked() {
        for await (const chunk of body) {
          hash.update(chunk)
          yield chunk
        }
        // Thrown before the rename: a wrong blob never gets its name.
        if (!sameBytes(hash.digest(), digestOf(cid)))
          throw new CliError('export-incomplete', `the server gave other bytes for the blob ${cid}`)
      }
      return await writeWhole(file(cid), checked())
    },
  }
}
