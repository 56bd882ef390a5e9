import { readFile } from 'node:fs/promises'
import type { Server } from './servers.ts'

/** Milliseconds of processor time that all threads of a process have used, in steps of 10 ms. Linux only. */
const cpuOf = async (pid: number): Promise<number | undefined> => {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The name, in brackets, may contain spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * 10
  } catch {
    return undefined
  }
}

/** Adds up processor time by server. It hardly depends on what else the machine does. */
export class Cpu {
  readonly #used = new Map<Server, { ms: number; units: number }>()

  /** `units` is the number of operations in the work. */
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

  /** Milliseconds per operation. */
  perUnit(): Map<Server, number[]> {
    return new Map([...this.#used].map(([server, { ms, units }]) => [server, [ms / units]]))
  }
}
