import { Cpu } from '../cpu.ts'
import { call } from '../http.ts'
import { alternate } from '../measure.ts'
import { watchMemory } from '../memory.ts'
import { mapValues, MiB, rowOf, type Stand } from '../row.ts'
import type { Server } from '../servers.ts'
import { verifyExport } from '../verify.ts'

/** The whole repository, several times; the first and the last CAR are verified. */
export const getRepo = async ({ servers, size, add, progress }: Stand): Promise<void> => {
  const name = 'getRepo'
  const repetitions = size <= 1000 ? 15 : size <= 10_000 ? 7 : 3
  const roots = new Map<Server, string>()
  const cpu = new Cpu()
  const runs = await alternate(servers, repetitions, async (server, n) => {
    progress(`${server.kind}: getRepo of ${size} records, ${n + 1} of ${repetitions}`)
    const { result, peak } = await watchMemory(server.pid, () =>
      cpu.watch(server, 1, () =>
        call(server.url, 'com.atproto.sync.getRepo', { params: { did: server.did } }),
      ),
    )
    if (n === 0 || n === repetitions - 1) roots.set(server, await verifyExport(server, result.body, size))
    return { bytes: result.body.length, first: result.first, total: result.total, peak }
  })
  if (new Set(roots.values()).size !== 1)
    throw new Error(`the trees differ: ${[...roots.values()].join(', ')}`)
  const of = (measure: string, unit: string, better: 'higher' | 'lower') => ({
    name,
    size,
    measure,
    unit,
    better,
  })
  add(
    rowOf(
      of('getRepo', 'MB/s', 'higher'),
      mapValues(runs, ({ bytes, total }) => bytes / 1000 / total),
    ),
  )
  add(
    rowOf(
      of('getRepo, first byte', 'ms', 'lower'),
      mapValues(runs, ({ first }) => first),
    ),
  )
  add(
    rowOf(
      of('memory, peak in getRepo', 'MiB', 'lower'),
      mapValues(runs, ({ peak }) => peak / MiB),
    ),
  )
  add(rowOf(of('getRepo, processor time', 'ms', 'lower'), cpu.perUnit()))
  await afterRestart(servers, (above) =>
    add(rowOf(of('memory, getRepo above idle', 'MiB', 'lower'), new Map([['cirrus', above]]))),
  )
}

/** In a process that has done nothing else, because the memory of an import is not released at once. */
const afterRestart = async (servers: readonly Server[], tell: (above: number[]) => void): Promise<void> => {
  const server = servers.find((one) => one.restart)
  if (!server?.restart) return
  const params = { did: server.did }
  const above: number[] = []
  for (let round = 0; round < 3; round++) {
    await server.restart()
    await call(server.url, 'com.atproto.sync.getLatestCommit', { params })
    const { before, peak } = await watchMemory(server.pid, () =>
      call(server.url, 'com.atproto.sync.getRepo', { params }),
    )
    above.push((peak - before) / MiB)
  }
  tell(above)
}
