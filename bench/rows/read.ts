import { treeOf } from '../data.ts'
import { call, json } from '../http.ts'
import { alternate, quantile } from '../measure.ts'
import { rowOf, type Stand } from '../row.ts'
import { expect } from '../verify.ts'

const ROUNDS = 7

/** getRecord of records all over the repository. */
export const getRecord = async ({ servers, size, add, progress }: Stand): Promise<void> => {
  const { paths } = treeOf(size)
  const runs = await alternate(servers, ROUNDS, async (server, round) => {
    progress(`${server.kind}: getRecord at ${size} records, ${round + 1} of ${ROUNDS}`)
    const times: number[] = []
    for (let n = 0; n < 60; n++) {
      const [collection = '', rkey = ''] = (paths[((round * 60 + n) * 7919) % size] ?? '').split('/')
      const params = { repo: server.did, collection, rkey }
      const answer = await call(server.url, 'com.atproto.repo.getRecord', { params })
      expect(server, 'getRecord', json(answer)['uri'], `at://${server.did}/${collection}/${rkey}`)
      times.push(answer.total)
    }
    return quantile(times, 0.5)
  })
  add(rowOf({ name: 'getRecord', size, measure: 'getRecord p50', unit: 'ms', better: 'lower' }, runs))
}

/** Pages of 100 records, one after the other. */
export const listRecords = async ({ servers, size, add, progress }: Stand): Promise<void> => {
  const runs = await alternate(servers, ROUNDS, async (server, round) => {
    progress(`${server.kind}: listRecords at ${size} records, ${round + 1} of ${ROUNDS}`)
    const times: number[] = []
    let cursor: string | undefined
    for (let n = 0; n < 20; n++) {
      const params = {
        repo: server.did,
        collection: 'app.bsky.feed.like',
        limit: '100',
        ...(cursor ? { cursor } : {}),
      }
      const answer = await call(server.url, 'com.atproto.repo.listRecords', { params })
      const page = json(answer)
      const count = Array.isArray(page['records']) ? page['records'].length : 0
      cursor = typeof page['cursor'] === 'string' && count === 100 ? page['cursor'] : undefined
      // The last page may be shorter, so it is not counted.
      if (count === 100) times.push(answer.total)
      else if (size > 1000 && n < 3) throw new Error(`${server.kind}: a page of ${count} records`)
    }
    return quantile(times, 0.5)
  })
  add(
    rowOf(
      { name: 'listRecords', size, measure: 'listRecords of 100 p50', unit: 'ms', better: 'lower' },
      runs,
    ),
  )
}
