import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf } from '../../client/cid.ts'
import { CliError } from '../errors.ts'
import { isNoSuchFile, writeAtomically } from '../files/files.ts'

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

export interface BlobStore {
  /** The name of the blob's file. */
  file(cid: string): string
  /** The size of the blob in bytes; undefined if its file is missing or has another hash. */
  storedSize(cid: string): Promise<number | undefined>
  /** Writes the blob if its hash is the one in its CID. Returns its size. */
  put(cid: string, body: AsyncIterable<Uint8Array>): Promise<number>
}

/** Blobs as files in a folder, named by their CID. A file with the right hash never has to be fetched again. */
export function blobStore(folder: string): BlobStore {
  // A CID comes from the network: only one that `digestOf` accepts becomes a file name.
  const file = (cid: string): string => {
    digestOf(cid)
    return join(folder, cid)
  }
  return {
    file,
    async storedSize(cid) {
      const name = file(cid)
      try {
        const { size } = await stat(name)
        const hash = createHash('sha256')
        for await (const chunk of createReadStream(name)) hash.update(chunk)
        return sameBytes(hash.digest(), digestOf(cid)) ? size : undefined
      } catch (cause) {
        if (isNoSuchFile(cause)) return undefined
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
        // Thrown before the rename, so that wrong bytes never get the blob's name.
        if (!sameBytes(hash.digest(), digestOf(cid)))
          throw new CliError('backup-incomplete', `the server sent other bytes for the blob ${cid}`)
      }
      return await writeAtomically(file(cid), checked())
    },
  }
}
