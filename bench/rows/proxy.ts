import { Cpu } from '../cpu.ts'
import { call } from '../http.ts'
import { alternate, quantile } from '../measure.ts'
import { watchMemory } from '../memory.ts'
import { mapValues, MiB, rowOf, type RowHead, type Stand } from '../row.ts'
import { type Kind, type Server, startServer } from '../servers.ts'
import { LONG, LONG_BYTES, PAGE, PAGE_BYTES, type Service, startService } from '../service.ts'
import { expect } from '../verify.ts'

interface Proxying extends Pick<Stand, 'add' | 'progress'> {
  readonly plcUrl: string
  readonly kinds: readonly Kind[]
}

const name = 'proxy'
const ROUNDS = 7
const AT_ONCE = 32

/** Requests that go on to another service: beside a direct call of it, many at once, and long. */
export const proxy = async ({ plcUrl, kinds, add, progress }: Proxying): Promise<void> => {
  await using service = await startService()
  const servers: Server[] = []
  try {
    for (const kind of kinds) servers.push(await startServer(kind, plcUrl, { appView: service }))
    const stand = { servers, service, add, progress }
    // Code that has run before is faster, in both.
    for (const server of servers) await pages(server, 200)
    await latency(stand)
    await throughput(stand)
    await long(stand)
  } finally {
    for (const server of servers) await server.close()
  }
}

interface ProxyStand extends Pick<Stand, 'add' | 'progress' | 'servers'> {
  readonly service: Service
}

const page = async (server: Server): Promise<number> => {
  const { body, total } = await call(server.url, PAGE, { token: server.token, params: { limit: '40' } })
  expect(server, 'a page', body.length, PAGE_BYTES)
  return total
}

const pages = async (server: Server, count: number): Promise<number[]> => {
  const times: number[] = []
  for (let n = 0; n < count; n++) times.push(await page(server))
  return times
}

const row = (measure: string, unit: string, better: RowHead['better'] = 'lower'): RowHead => ({
  name,
  measure,
  unit,
  better,
})

const latency = async ({ servers, service, add, progress }: ProxyStand): Promise<void> => {
  const cpu = new Cpu()
  const runs = await alternate(servers, ROUNDS, async (server, round) => {
    progress(`${server.kind}: forwarded requests, ${round + 1} of ${ROUNDS}`)
    const direct: number[] = []
    const forwarded: number[] = []
    await cpu.watch(server, 200, async () => {
      for (let n = 0; n < 200; n++) {
        direct.push((await call(service.url, PAGE, { params: { limit: '40' } })).total)
        forwarded.push(await page(server))
      }
    })
    const added = (q: number) => quantile(forwarded, q) - quantile(direct, q)
    return { p50: added(0.5), p99: added(0.99) }
  })
  add(
    rowOf(
      row('forwarded, beyond a direct call, p50', 'ms'),
      mapValues(runs, ({ p50 }) => p50),
    ),
  )
  add(
    rowOf(
      row('forwarded, beyond a direct call, p99', 'ms'),
      mapValues(runs, ({ p99 }) => p99),
    ),
  )
  add(rowOf(row('forwarded, processor time', 'ms'), cpu.perUnit()))
}

const throughput = async ({ servers, add, progress }: ProxyStand): Promise<void> => {
  const each = 30
  const runs = await alternate(servers, ROUNDS, async (server, round) => {
    progress(`${server.kind}: ${AT_ONCE} forwarded at once, ${round + 1} of ${ROUNDS}`)
    const start = performance.now()
    const { peak } = await watchMemory(server.pid, () =>
      Promise.all(Array.from({ length: AT_ONCE }, () => pages(server, each))),
    )
    return { rate: (AT_ONCE * each * 1000) / (performance.now() - start), peak: peak / MiB }
  })
  add(
    rowOf(
      row(`${AT_ONCE} forwarded at once`, 'requests/s', 'higher'),
      mapValues(runs, ({ rate }) => rate),
    ),
  )
  add(
    rowOf(
      row(`${AT_ONCE} forwarded at once, memory, peak`, 'MiB'),
      mapValues(runs, ({ peak }) => peak),
    ),
  )
}

const long = async ({ servers, add, progress }: ProxyStand): Promise<void> => {
  const cpu = new Cpu()
  const runs = await alternate(servers, ROUNDS, async (server, round) => {
    progress(`${server.kind}: a forwarded body of 50 MB, ${round + 1} of ${ROUNDS}`)
    const { result, before, peak } = await watchMemory(server.pid, () =>
      cpu.watch(server, 1, () => call(server.url, LONG, { token: server.token })),
    )
    expect(server, 'a long body', result.body.length, LONG_BYTES)
    return { rate: LONG_BYTES / 1000 / result.total, above: (peak - before) / MiB }
  })
  add(
    rowOf(
      row('forwarded body of 50 MB', 'MB/s', 'higher'),
      mapValues(runs, ({ rate }) => rate),
    ),
  )
  add(
    rowOf(
      row('forwarded body of 50 MB, memory above before', 'MiB'),
      mapValues(runs, ({ above }) => above),
    ),
  )
  add(rowOf(row('forwarded body of 50 MB, processor time', 'ms'), cpu.perUnit()))
}
