import { Cpu } from '../cpu.ts'
import { begin, check, fillLog, type Log, post } from '../eventLog.ts'
import { alternate, quantile } from '../measure.ts'
import { watchMemory } from '../memory.ts'
import { mapValues, MiB, rowOf, type Stand } from '../row.ts'
import type { Server } from '../servers.ts'
import { follow, type Follower } from '../socket.ts'
import { expect } from '../verify.ts'

const name = 'firehose'
const ROUNDS = 7
const PER_ROUND = 40
const REPLAYS = 21
const SUBSCRIBERS = 50

/** subscribeRepos: how soon a write is seen, how fast what is kept is replayed, and what 50 subscribers cost. */
export const firehose = async (stand: Stand): Promise<void> => {
  const logs = new Map<Server, Log>()
  for (const server of stand.servers) logs.set(server, await begin(server))
  const logOf = (server: Server): Log => {
    const log = logs.get(server)
    if (!log) throw new Error(`${server.kind}: no log`)
    return log
  }
  try {
    await latency(stand, logOf)
    for (const server of stand.servers) await fillLog(stand, server, logOf(server))
    await replay(stand, logOf)
    await crowd(stand, logOf)
  } finally {
    for (const { live } of logs.values()) live.close()
  }
}

const latency = async (
  { servers, size, add, progress }: Stand,
  logOf: (server: Server) => Log,
): Promise<void> => {
  const all = new Map<Server, { sent: number[]; acknowledged: number[] }>()
  const runs = await alternate(servers, ROUNDS, async (server, round) => {
    progress(`${server.kind}: live events at ${size} records, ${round + 1} of ${ROUNDS}`)
    await server.forgetLimits()
    const { live, revs } = logOf(server)
    const [sent, acknowledged]: [number[], number[]] = [[], []]
    for (let n = 0; n < PER_ROUND; n++) {
      const start = performance.now()
      revs.push(await post(server, `live, ${round} ${n}`))
      const end = performance.now()
      await live.until(revs.length)
      const seen = live.times[revs.length - 1] ?? Number.NaN
      sent.push(seen - start)
      acknowledged.push(seen - end)
    }
    const before = all.get(server)
    all.set(server, {
      sent: [...(before?.sent ?? []), ...sent],
      acknowledged: [...(before?.acknowledged ?? []), ...acknowledged],
    })
    return { sent: quantile(sent, 0.5), acknowledged: quantile(acknowledged, 0.5) }
  })
  for (const server of servers) {
    const { live, revs } = logOf(server)
    check(server, live.frames, revs)
  }
  const of = (measure: string) => ({ name, size, measure, unit: 'ms', better: 'lower' as const })
  for (const [key, what] of [
    ['acknowledged', 'write acknowledged to event received'],
    ['sent', 'write sent to event received'],
  ] as const) {
    add(
      rowOf(
        of(`${what}, p50`),
        mapValues(runs, (run) => run[key]),
      ),
    )
    const p99 = [...all].map(([server, times]) => [server, [quantile(times[key], 0.99)]] as const)
    add(rowOf(of(`${what}, p99`), new Map(p99)))
  }
}

/** Measures from the handshake to the last event. */
const replayed = async (server: Server, { cursor, revs }: Log): Promise<{ ms: number; one: Follower }> => {
  const start = performance.now()
  const one = await follow(server.url, cursor)
  try {
    await one.until(revs.length)
    return { ms: (one.times.at(-1) ?? Number.NaN) - start, one }
  } finally {
    one.close()
  }
}

const replay = async (
  { servers, size, add, progress }: Stand,
  logOf: (server: Server) => Log,
): Promise<void> => {
  const cpu = new Cpu()
  const runs = await alternate(servers, REPLAYS, async (server, round) => {
    progress(`${server.kind}: replay at ${size} records, ${round + 1} of ${REPLAYS}`)
    const log = logOf(server)
    const { ms, one } = await cpu.watch(server, log.revs.length / 1000, () => replayed(server, log))
    check(server, one.frames, log.revs)
    const bytes = one.frames.reduce((sum, frame) => sum + frame.length, 0)
    return { rate: (log.revs.length / ms) * 1000, first: one.times[0] ?? 0, bytes: bytes / log.revs.length }
  })
  const of = (measure: string, unit: string, better: 'higher' | 'lower') => ({
    ...{ name, size, measure, unit, better },
  })
  add(
    rowOf(
      of('replay', 'events/s', 'higher'),
      mapValues(runs, ({ rate }) => rate),
    ),
  )
  add(
    rowOf(
      of('bytes per event', 'bytes', 'lower'),
      mapValues(runs, ({ bytes }) => bytes),
    ),
  )
  add(rowOf(of('replay, processor time for 1k events', 'ms', 'lower'), cpu.perUnit()))
}

/** Fifty subscribers that follow live, and fifty that replay everything at once. */
const crowd = async (
  { servers, size, add, progress }: Stand,
  logOf: (server: Server) => Log,
): Promise<void> => {
  const everybody = Array.from({ length: SUBSCRIBERS })
  const live = await alternate(servers, 3, async (server, round) => {
    progress(`${server.kind}: ${SUBSCRIBERS} live subscribers at ${size} records, ${round + 1}`)
    await server.forgetLimits()
    const { peak, result } = await watchMemory(server.pid, async () => {
      const all = await Promise.all(everybody.map(() => follow(server.url)))
      const times: number[] = []
      for (let n = 1; n <= PER_ROUND; n++) {
        const start = performance.now()
        await post(server, `for many, ${round} ${n}`)
        await Promise.all(all.map((one) => one.until(n)))
        times.push(performance.now() - start)
      }
      for (const one of all) {
        expect(server, 'live events', one.frames.length, PER_ROUND)
        one.close()
      }
      return quantile(times, 0.5)
    })
    return { peak: peak / MiB, last: result }
  })
  const replays = await alternate(servers, 3, async (server, round) => {
    progress(`${server.kind}: ${SUBSCRIBERS} replays at once at ${size} records, ${round + 1}`)
    const log = logOf(server)
    const { peak, result } = await watchMemory(server.pid, async () => {
      const start = performance.now()
      const all = await Promise.all(everybody.map(() => replayed(server, log)))
      const ms = performance.now() - start
      for (const { one } of all) expect(server, 'events replayed', one.frames.length >= log.revs.length, true)
      const [first] = all
      if (first) check(server, first.one.frames.slice(0, log.revs.length), log.revs)
      return ((SUBSCRIBERS * log.revs.length) / ms) * 1000
    })
    return { peak: peak / MiB, rate: result }
  })
  const of = (measure: string, unit: string, better: 'higher' | 'lower') => ({
    ...{ name, size, measure: `${SUBSCRIBERS} ${measure}`, unit, better },
  })
  add(
    rowOf(
      of('live, write sent to the last one’s event, p50', 'ms', 'lower'),
      mapValues(live, ({ last }) => last),
    ),
  )
  add(
    rowOf(
      of('live, memory, peak', 'MiB', 'lower'),
      mapValues(live, ({ peak }) => peak),
    ),
  )
  add(
    rowOf(
      of('replays at once', 'events/s', 'higher'),
      mapValues(replays, ({ rate }) => rate),
    ),
  )
  add(
    rowOf(
      of('replays at once, memory, peak', 'MiB', 'lower'),
      mapValues(replays, ({ peak }) => peak),
    ),
  )
}
