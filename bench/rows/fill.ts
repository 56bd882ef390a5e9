import { carOf, treeOf } from '../data.ts'
import { Cpu } from '../cpu.ts'
import { call, json } from '../http.ts'
import { alternate, timed } from '../measure.ts'
import { watchMemory } from '../memory.ts'
import { MiB, rowOf, type Stand } from '../row.ts'
import { startServer, type Kind, type Server } from '../servers.ts'
import { expect } from '../verify.ts'

/** Cirrus accepts no larger request, because the platform does not. */
const REQUEST_LIMIT = 100_000_000

interface Filling extends Omit<Stand, 'servers'> {
  readonly plcUrl: string
  readonly kinds: readonly Kind[]
  readonly repetitions: number
  /** If false, there is one import and no rows about it. */
  readonly measured: boolean
  /** What does not depend on the size is reported once. */
  readonly first: boolean
}

/** Gives the number of rows written, if the server reports it. */
export const post = async (server: Server, car: Buffer): Promise<number | undefined> => {
  const type = 'application/vnd.ipld.car'
  const own = server.kind === 'cirrus' && car.length > REQUEST_LIMIT
  const method = own ? '/bench/import' : 'com.atproto.repo.importRepo'
  const { headers } = await call(server.url, method, { body: car, type, token: server.token })
  const written = headers['bench-rows-written']
  return written === undefined ? undefined : Number(written)
}

/** Only a deactivated account accepts an import, as in a move. */
export const setActive = async ({ url, token }: Server, active: boolean): Promise<void> => {
  const method = `com.atproto.server.${active ? 'activate' : 'deactivate'}Account`
  await call(url, method, active ? { token, post: true } : { token, body: {} })
}

const check = async (server: Server, size: number): Promise<void> => {
  const status = json(
    await call(server.url, 'com.atproto.server.checkAccountStatus', { token: server.token }),
  )
  // The reference counts the records in its index, Cirrus those in its tree; both count all of them.
  expect(server, 'records imported', status['indexedRecords'], size)
}

/**
 * importRepo, which also gives the servers their records, and what starting them costs. Starts new servers for each
 * repetition; those of the last one stay running, with their records.
 */
export const fill = async (filling: Filling): Promise<Server[]> => {
  const { plcUrl, kinds, size, repetitions, measured, first, add, progress } = filling
  const tree = treeOf(size)
  const each = () => new Map<Kind, number[]>(kinds.map((kind) => [kind, []]))
  const [starts, idle, rates, peaks, above] = [each(), each(), each(), each(), each()]
  const [rows, bytes]: [number[], number[]] = [[], []]
  const cpu = new Cpu()
  let servers: Server[] = []
  for (let n = 0; n < (measured ? repetitions : 1); n++) {
    for (const server of servers) await server.close()
    servers = []
    for (const kind of kinds) {
      progress(`${kind}: starting`)
      servers.push(await startServer(kind, plcUrl))
    }
    await alternate(n % 2 === 0 ? servers : servers.toReversed(), 1, async (server) => {
      const car = await carOf(tree, server.did, server.signingKey)
      progress(`${server.kind}: importing ${size} records, ${(car.length / 1e6).toFixed(1)} MB`)
      await setActive(server, false)
      let written: number | undefined
      const sqlBefore = await server.sql?.()
      const {
        result: ms,
        before,
        peak,
      } = await watchMemory(server.pid, () =>
        cpu.watch(server, size / 1000, () => timed(async () => (written = await post(server, car)))),
      )
      const sqlAfter = await server.sql?.()
      if (written !== undefined) rows.push(written / size)
      if (sqlBefore && sqlAfter) {
        bytes.push((sqlAfter.databaseSize - sqlBefore.databaseSize) / size)
      }
      await check(server, size)
      await setActive(server, true)
      starts.get(server.kind)?.push(server.start)
      idle.get(server.kind)?.push(before / MiB)
      rates.get(server.kind)?.push((size / ms) * 1000)
      peaks.get(server.kind)?.push(peak / MiB)
      above.get(server.kind)?.push((peak - before) / MiB)
    })
  }
  if (!measured) return servers
  const name = 'importRepo'
  if (first) {
    add(rowOf({ name, measure: 'start to first answer', unit: 'ms', better: 'lower' }, starts))
    add(rowOf({ name, measure: 'memory, idle', unit: 'MiB', better: 'lower' }, idle))
  }
  add(rowOf({ name, size, measure: 'importRepo', unit: 'records/s', better: 'higher' }, rates))
  const costs = each()
  for (const [{ kind }, values] of cpu.perUnit()) costs.get(kind)?.push(...values)
  add(
    rowOf(
      { name, size, measure: 'importRepo, processor time for 1k records', unit: 'ms', better: 'lower' },
      costs,
    ),
  )
  add(rowOf({ name, size, measure: 'memory, peak in importRepo', unit: 'MiB', better: 'lower' }, peaks))
  add(rowOf({ name, size, measure: 'memory, importRepo above idle', unit: 'MiB', better: 'lower' }, above))
  const of = (measure: string, unit: string) => ({ name, size, measure, unit, better: 'lower' as const })
  if (rows.length > 0) add(rowOf(of('rows written per record imported', 'rows'), new Map([['cirrus', rows]])))
  if (bytes.length > 0) add(rowOf(of('database per record', 'bytes'), new Map([['cirrus', bytes]])))
  return servers
}
