import { call } from '../http.ts'
import { timed } from '../measure.ts'
import { rowOf, type Stand } from '../row.ts'

const ROUNDS = 5

/** How long the first request waits after a restart: for the Worker, then for the account's object, which opens its storage. */
export const restart = async ({ servers, size, add, progress }: Stand): Promise<void> => {
  const server = servers.find((one) => one.restart)
  if (!server?.restart) return
  const [boots, worker, object]: [number[], number[], number[]] = [[], [], []]
  const params = { did: server.did }
  for (let round = 0; round < ROUNDS; round++) {
    progress(`${server.kind}: restart, ${round + 1} of ${ROUNDS}`)
    boots.push(await timed(() => server.restart?.() ?? Promise.resolve()))
    worker.push((await call(server.url, '_health')).total)
    object.push((await call(server.url, 'com.atproto.sync.getLatestCommit', { params })).total)
  }
  const of = (measure: string) => ({ name: 'restart', size, measure, unit: 'ms', better: 'lower' as const })
  add(rowOf(of('restart of workerd'), new Map([['cirrus', boots]])))
  add(rowOf(of('first request to a cold Worker'), new Map([['cirrus', worker]])))
  add(rowOf(of('first request to a cold object'), new Map([['cirrus', object]])))
}
