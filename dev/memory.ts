import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

/** Bytes of physical memory. */
export interface Memory {
  readonly rss: number
  /** The peak since the process started; the same as `rss` where the system does not report it (macOS). */
  readonly peak: number
}

/** How much memory a process uses. */
export const readMemory = async (pid: number): Promise<Memory> => {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8')
    const of = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0) * 1024
    return { rss: of('VmRSS'), peak: of('VmHWM') }
  } catch {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(pid)])
    const rss = Number(stdout.trim()) * 1024
    return { rss, peak: rss }
  }
}
