import { readFile } from 'node:fs/promises'
import type { Server } from './servers.ts'

/** Milliseconds of processor time that a process has used, all threads; in steps of 10. Linux only. */
const cpuOf = async (pid: number): Promise<number | undefined> => {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The name, in brackets, may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * 10
  } catch {
    return undefined
  }
}

/** Adds up the processor time of pieces of work, by server: it hardly depends on what else the machine does. */
export class Cpu {
  readonly #used = new Map<Server, { ms: number; units: number }>()

  /** `units`: how many operations the work is. */
  async watch<T>(server: Server, units: number, work: () => Promise<T>): Promise<T> {
    const before = await cpuOf(server.pid)
    const result = await work()
    const after = await cpuOf(server.pid)
    if (before !== undefined && after !== undefined) {
      const used = this.#used.get(server) ?? { ms: 0, units: 0 }
      this.#used.set(server, { ms: used.ms + after - before, units: used.units + units })
    }
    return result
  }

  /** Milliseconds for each operation. */
  perUnit(): Map<Server, number[]> {
    return new Map([...this.#used].map(([server, { ms, units }]) => [server, [ms / units]]))
  }
}
