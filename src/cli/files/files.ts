import { randomBytes } from 'node:crypto'
import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isObject } from '../../isObject.ts'

/** Whether an error says that there is no such file. */
export const isNoSuchFile = (cause: unknown): boolean => isObject(cause) && cause['code'] === 'ENOENT'

/** The text of a file; undefined if there is no such file. */
export async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    if (isNoSuchFile(cause)) return undefined
    throw cause
  }
}

export type Chunks = string | Uint8Array | AsyncIterable<Uint8Array> | Iterable<string>

const write = async (file: string, data: Chunks, mode: number, flag: 'wx' | 'a' = 'wx'): Promise<number> => {
  const handle = await open(file, flag, mode)
  try {
    // The umask removes bits from the mode that open was given. A key file must not get more rights than `mode`, and
    // other files must not get fewer.
    await handle.chmod(mode)
    let written = 0
    for await (const chunk of typeof data === 'string' || data instanceof Uint8Array ? [data] : data) {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
      await handle.appendFile(bytes)
      written += bytes.byteLength
    }
    await handle.sync()
    return written
  } finally {
    await handle.close()
  }
}

/**
 * Writes a file so that, whenever the process dies, it is either as it was or complete: a temporary file next to it is
 * written, synced and renamed. Returns the number of bytes.
 */
export async function writeAtomically(file: string, data: Chunks, mode = 0o644): Promise<number> {
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

/** The name of a large file until it is complete: after an interruption, a later run can continue it. */
export const partialFile = (file: string): string => `${file}.part`

/**
 * Appends to the partial file that an earlier run has written, and renames it to `file` when it is complete. After
 * another interruption, what was written stays.
 */
export async function resumeWriting(file: string, data: Chunks): Promise<void> {
  await write(partialFile(file), data, 0o644, 'a')
  await rename(partialFile(file), file)
}

/** Writes a file that only its owner may read. */
export async function writeSecret(file: string, text: string): Promise<void> {
  await writeAtomically(file, text, 0o600)
  await chmod(file, 0o600)
}
