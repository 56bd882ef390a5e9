import { randomBytes } from 'node:crypto'
import { closeSync, createReadStream, fstatSync, openAsBlob, openSync, readSync } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { isObject } from '../isObject.ts'
import { MoverError } from './moverError.ts'
import type { LockHolder, MoveStore, StoredFile } from './moveStore.ts'

const JOURNAL = 'journal.jsonl'
const LOCK = 'lock.json'

const codeOf = (cause: unknown): unknown => (isObject(cause) ? cause['code'] : undefined)

const orUndefined = async <T>(work: Promise<T>): Promise<T | undefined> => {
  try {
    return await work
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined
    throw cause
  }
}

/** A name that a caller gives, never a server: still, nothing leaves the folder. */
const checkName = (name: string): string => {
  if (/^[a-z0-9][\w.-]*$/i.test(name)) return name
  throw new TypeError(`"${name}" is not the name of a file of a move`)
}

const openStored = (path: string): StoredFile => {
  const fd = openSync(path, 'r')
  const { size } = fstatSync(fd)
  return {
    size,
    read(offset, length) {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)))
      let done = 0
      while (done < bytes.length) {
        const got = readSync(fd, bytes, done, bytes.length - done, offset + done)
        if (got === 0) break
        done += got
      }
      return bytes.subarray(0, done)
    },
    stream: () => createReadStream(path),
    blob: () => openAsBlob(path),
    close: () => closeSync(fd),
  }
}

/** Whether a process of this machine is running. */
const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return codeOf(cause) === 'EPERM'
  }
}

interface LockFile {
  id: string
  pid: number
  machine: string
}

const parseLock = (text: string): LockFile | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    if (!isObject(value)) return undefined
    const { id, pid, machine } = value
    return typeof id === 'string' && typeof pid === 'number' && typeof machine === 'string'
      ? { id, pid, machine }
      : undefined
  } catch {
    return undefined
  }
}

/**
 * Keeps a move in a folder: `journal.jsonl`, `lock.json` and the repository. Only the owner may read them. The folder is
 * for one account and one target. `now` is in milliseconds.
 */
export async function folderStore(folder: string, now: () => number): Promise<MoveStore> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const at = (name: string) => join(folder, name)
  const [journal, lockFile] = [at(JOURNAL), at(LOCK)]
  let held: LockFile | undefined

  const readLock = async () => parseLock((await orUndefined(readFile(lockFile, 'utf8'))) ?? '')

  /** The lock is still this mover's; and it is marked, so that others see that this one makes progress. */
  const assertHeld = async (): Promise<void> => {
    if (!held) return
    const found = await readLock()
    if (found?.id !== held.id)
      throw new MoverError(
        'another-mover',
        `another mover${found ? ` (process ${found.pid} on ${found.machine})` : ''} has taken over the move in ${folder}`,
      )
    const at = now() / 1000
    await utimes(lockFile, at, at)
  }

  /** Writes a file that appears whole or not at all. `create`: only if there is none. */
  const put = async (name: string, text: string, create: boolean): Promise<boolean> => {
    if (create) {
      try {
        await writeFile(at(name), text, { mode: 0o600, flag: 'wx' })
        return true
      } catch (cause) {
        if (codeOf(cause) === 'EEXIST') return false
        throw cause
      }
    }
    const temporary = at(`${name}.${randomBytes(4).toString('hex')}.part`)
    await writeFile(temporary, text, { mode: 0o600, flag: 'wx' })
    await rename(temporary, at(name))
    return true
  }

  return {
    name: folder,
    async readLines() {
      const text = (await orUndefined(readFile(journal, 'utf8'))) ?? ''
      return text.split('\n').filter((line) => line !== '')
    },
    async appendLine(line) {
      await assertHeld()
      const handle = await open(journal, 'a+', 0o600)
      try {
        const { size } = await handle.stat()
        // A line that was torn when a process died ends here, so that it does not swallow this one.
        const last = Buffer.alloc(1)
        if (size > 0) await handle.read(last, 0, 1, size - 1)
        await handle.appendFile(`${size > 0 && last.toString() !== '\n' ? '\n' : ''}${line}\n`)
        await handle.sync()
      } finally {
        await handle.close()
      }
    },
    async writeFile(name, body) {
      const temporary = at(`${checkName(name)}.${randomBytes(4).toString('hex')}.part`)
      const handle = await open(temporary, 'wx', 0o600)
      let size = 0
      try {
        try {
          for await (const chunk of body) {
            await handle.appendFile(chunk)
            size += chunk.byteLength
          }
          await handle.sync()
        } finally {
          await handle.close()
        }
        await assertHeld()
        await rename(temporary, at(name))
        return size
      } catch (cause) {
        await rm(temporary, { force: true })
        throw cause
      }
    },
    async openFile(name) {
      try {
        return openStored(at(checkName(name)))
      } catch (cause) {
        if (codeOf(cause) === 'ENOENT') return undefined
        throw cause
      }
    },
    async lock(takeOver) {
      const mine: LockFile = { id: randomBytes(16).toString('hex'), pid: process.pid, machine: hostname() }
      const text = `${JSON.stringify(mine)}\n`
      if (!(await put(LOCK, text, true))) {
        const [found, at] = [await readLock(), await orUndefined(stat(lockFile))]
        const gone = !found || (found.machine === mine.machine && !isRunning(found.pid))
        const holder: LockHolder = {
          name: found ? `process ${found.pid} on ${found.machine}` : 'a process that ended',
          idleMs: at ? Math.max(0, now() - at.mtimeMs) : Infinity,
        }
        if (!gone) await takeOver(holder)
        await put(LOCK, text, false)
      }
      held = mine
      return async () => {
        held = undefined
        if ((await readLock())?.id === mine.id) await rm(lockFile, { force: true })
      }
    },
    touch: assertHeld,
    async clearFiles() {
      for (const name of await readdir(folder)) if (name.endsWith('.car')) await rm(at(name))
    },
  }
}
