import { recordOf } from '../data.ts'
import { Cpu } from '../cpu.ts'
import { call, json } from '../http.ts'
import { alternate, quantile, timed } from '../measure.ts'
import { mapValues, rowOf, type Stand } from '../row.ts'
import type { Server } from '../servers.ts'
import { verifyExport } from '../verify.ts'

const ROUNDS = 7
const PER_ROUND = 40
const BATCH = 200

/** Posts one by one, then batches of 200 of everything; at the end the repository must hold them all. */
export const write = async (stand: Stand, names: ReadonlySet<string>): Promise<void> => {
  const { servers, size } = stand
  let written = 0
  if (names.has('createRecord')) written += await createRecord(stand)
  if (names.has('applyWrites')) written += await applyWrites(stand, written)
  for (const server of servers) {
    const { body } = await call(server.url, 'com.atproto.sync.getRepo', { params: { did: server.did } })
    await verifyExport(server, body, size + written)
  }
}

const createRecord = async ({ servers, size, add, progress }: Stand): Promise<number> => {
  const name = 'createRecord'
  const times = new Map<Server, number[]>(servers.map((server) => [server, []]))
  const rows: number[] = []
  const cpu = new Cpu()
  const runs = await alternate(servers, ROUNDS, async (server, round) => {
    progress(`${server.kind}: createRecord at ${size} records, ${round + 1} of ${ROUNDS}`)
    await server.forgetLimits()
    const before = await server.sql?.()
    const own: number[] = []
    await cpu.watch(server, PER_ROUND, async () => {
      for (let n = 0; n < PER_ROUND; n++) {
        const createdAt = new Date().toISOString()
        const record = {
          $type: 'app.bsky.feed.post',
          text: `a new post, ${round} ${n}`,
          langs: ['en'],
          createdAt,
        }
        const body = { repo: server.did, collection: 'app.bsky.feed.post', record }
        own.push(
          (await call(server.url, 'com.atproto.repo.createRecord', { body, token: server.token })).total,
        )
      }
    })
    const after = await server.sql?.()
    if (before && after) rows.push((after.written - before.written) / PER_ROUND)
    times.get(server)?.push(...own)
    return quantile(own, 0.5)
  })
  const of = (measure: string, unit = 'ms') => ({ name, size, measure, unit, better: 'lower' as const })
  add(rowOf(of('createRecord p50'), runs))
  const p99 = mapValues(new Map([...times].map(([server, all]) => [server, [all]])), (all) =>
    quantile(all, 0.99),
  )
  add(rowOf(of('createRecord p99'), p99))
  add(rowOf(of('createRecord, processor time'), cpu.perUnit()))
  if (rows.length > 0) add(rowOf(of('rows written per createRecord', 'rows'), new Map([['cirrus', rows]])))
  return ROUNDS * PER_ROUND
}

const applyWrites = async ({ servers, size, add, progress }: Stand, written: number): Promise<number> => {
  const runs = await alternate(servers, ROUNDS, async (server, round) => {
    progress(`${server.kind}: applyWrites at ${size} records, ${round + 1} of ${ROUNDS}`)
    await server.forgetLimits()
    const writes = Array.from({ length: BATCH }, (_, n) => {
      const { collection, rkey, value } = recordOf(size + written + round * BATCH + n)
      return { $type: 'com.atproto.repo.applyWrites#create', collection, rkey, value }
    })
    const body = { repo: server.did, writes }
    const ms = await timed(async () => {
      const answer = await call(server.url, 'com.atproto.repo.applyWrites', { body, token: server.token })
      const { results } = json(answer)
      if (!Array.isArray(results) || results.length !== BATCH)
        throw new Error(`${server.kind}: results are missing`)
    })
    return (BATCH / ms) * 1000
  })
  const measure = 'applyWrites of 200'
  add(rowOf({ name: 'applyWrites', size, measure, unit: 'records/s', better: 'higher' }, runs))
  return ROUNDS * BATCH
}
