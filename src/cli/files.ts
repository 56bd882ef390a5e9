/** Files that are either as they were or as they shall be, whenever the process dies. */
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

export const isMissing = (cause: unknown): boolean =>
  typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === 'ENOENT'

/** The text of a file; undefined when there is none. */
export async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    if (isMissing(cause)) return undefined
    throw cause
  }
}

export type Chunks = string | Uint8Array | AsyncIterable<Uint8Array> | Iterable<string>

const write = async (file: string, data: Chunks, mode: number, flag: 'wx' | 'a' = 'wx'): Promise<number> => {
  const handle = await open(file, flag, mode)
  try {
    // The umask takes bits away from what open was told; a key file must not get more, others not less.
    await handle.chmod(mode)
    let written = 0
    for await (const chunk of typeof data === 'string' || data instanceof Uint8Array ? [data] : data) {
      const part = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
      await handle.appendFile(part)
      written += part.byteLength
    }
    await handle.sync()
    return written
  } finally {
    await handle.close()
  }
}

/** Writes beside the file, syncs, renames. Gives the number of bytes. */
export async function writeWhole(file: string, data: Chunks, mode = 0o644): Promise<number> {
  await mkdir(dirname(file), { recursive: true })
  const temporary = `${file}.${randomBytes(4).toString('hex')}.part`
  try {
    const written = await write(temporary, data, mode)
    await rename(temporary, file)
    return written
  } catch (cause) {
    await rm(temporary, { force: true })
    throw cause
  }
}

/** Where a large file grows that is to be gone on with when the writing of it breaks off. */
export const partialFile = (file: string): string => `${file}.part`

/** Writes on where an earlier run stopped, and renames when it is whole. What was written stays if it breaks off again. */
export async function resumeWriting(file: string, data: Chunks): Promise<void> {
  await write(partialFile(file), data, 0o644, 'a')
  await rename(partialFile(file), file)
}

/** For what only the owner may read. */
export async function writeSecret(file: string, text: string): Promise<void> {
  await writeWhole(file, text, 0o600)
  await chmod(file, 0o600)
}
