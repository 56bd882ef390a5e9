/** The event stream inside workerd, whose WebSockets deliver a Blob by default. */
import { describe, expect, it } from 'vitest'
import { subscribeRepos } from '../../src/client/subscribe.ts'
import { commit, identity } from './frames.ts'

describe('subscribeRepos in a Worker', () => {
  it('reads from a WebSocket of the runtime, and continues after it closed', async () => {
    const urls: string[] = []
    /** The constructor may give any WebSocket: here the near end of a pair, as an upgraded fetch would. */
    const Paired = function (url: string) {
      urls.push(url)
      const { 0: near, 1: far } = new WebSocketPair()
      near.accept()
      far.accept()
      const seq = Number(new URL(url).searchParams.get('cursor')) + 1
      far.send(identity(seq))
      far.send(commit(seq + 1))
      far.close(1012, 'restart')
      return near
    } as unknown as new (url: string) => WebSocket
    const seqs: number[] = []
    for await (const { seq } of subscribeRepos('alice.example', { WebSocket: Paired })) {
      seqs.push(seq)
      if (seq === 4) break
    }
    expect(seqs).toEqual([1, 2, 3, 4])
    expect(urls.map((url) => new URL(url).search)).toEqual(['', '?cursor=2'])
  })
})
