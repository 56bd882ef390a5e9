import { RepoError } from '../../src/repo/verifyRepo.ts'
import { treeOf } from '../data.ts'
import { call, type Answer } from '../http.ts'
import { alternate } from '../measure.ts'
import { watchMemory } from '../memory.ts'
import { mapValues, MiB, rowOf, type Stand } from '../row.ts'
import type { Server } from '../servers.ts'
import { verifyCar, verifyExport } from '../verify.ts'

const exportOf = ({ url, did }: Server): Promise<Answer> =>
  call(url, 'com.atproto.sync.getRepo', { params: { did } })

/** Four exports at once, and exports while the owner changes records. */
export const load = async (stand: Stand): Promise<void> => {
  await together(stand)
  await whileWriting(stand)
}

const together = async ({ servers, size, add, progress }: Stand): Promise<void> => {
  const name = 'load'
  const runs = await alternate(servers, size <= 10_000 ? 5 : 2, async (server, round) => {
    progress(`${server.kind}: four exports of ${size} records, ${round + 1}`)
    const start = performance.now()
    const { result, peak } = await watchMemory(server.pid, () =>
      Promise.all([1, 2, 3, 4].map(() => exportOf(server))),
    )
    const ms = performance.now() - start
    const [first] = result
    if (!first) throw new Error('no export')
    if (round === 0) await verifyExport(server, first.body, size)
    return { rate: result.reduce((sum, { body }) => sum + body.length, 0) / 1000 / ms, peak }
  })
  const rates = mapValues(runs, ({ rate }) => rate)
  const peaks = mapValues(runs, ({ peak }) => peak / MiB)
  add(rowOf({ name, size, measure: 'four getRepo at once', unit: 'MB/s', better: 'higher' }, rates))
  add(rowOf({ name, size, measure: 'memory, peak in four getRepo', unit: 'MiB', better: 'lower' }, peaks))
}

const EXPORTS = 10

const whileWriting = async ({ servers, size, add, progress }: Stand): Promise<void> => {
  const name = 'load'
  const { paths } = treeOf(size)
  const posts = paths.filter((path) => path.startsWith('app.bsky.feed.post/'))
  const runs = await alternate(servers, size <= 10_000 ? EXPORTS : 3, async (server, round) => {
    progress(`${server.kind}: export of ${size} records while writing, ${round + 1}`)
    await server.forgetLimits()
    const { url, did, token } = server
    const running = new Set(['export'])
    const exported = exportOf(server).finally(() => running.clear())
    // The await below handles a rejection.
    exported.catch(() => {})
    let writes = 0
    for (; running.size > 0; writes++) {
      const [collection, rkey] = (posts[(round * 97 + writes * 7919) % posts.length] ?? '').split('/')
      const text = `changed in ${round}, ${writes}`
      const record = { $type: collection, text, createdAt: new Date().toISOString() }
      await call(url, 'com.atproto.repo.putRecord', { token, body: { repo: did, collection, rkey, record } })
    }
    const { body, total } = await exported
    const broken = await verifyCar(server, body).then(
      () => false,
      (cause: unknown) => {
        if (!(cause instanceof RepoError)) throw cause
        progress(`${server.kind}: ${cause.code}: ${cause.message}`)
        return true
      },
    )
    return { rate: body.length / 1000 / total, writes: (writes / total) * 1000, broken }
  })
  const of = (measure: string, unit: string, better: 'higher' | 'lower') => ({
    name,
    size,
    measure,
    unit,
    better,
  })
  add(
    rowOf(
      of('getRepo while writing', 'MB/s', 'higher'),
      mapValues(runs, ({ rate }) => rate),
    ),
  )
  add(
    rowOf(
      of('putRecord during getRepo', 'writes/s', 'higher'),
      mapValues(runs, ({ writes }) => writes),
    ),
  )
  const broken = new Map(
    [...runs].map(([server, all]) => [server, [(100 * all.filter((run) => run.broken).length) / all.length]]),
  )
  add(rowOf(of('exports that writes made incomplete', '%', 'lower'), broken))
}
