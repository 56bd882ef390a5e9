import { describe, expect, test } from 'vitest'
import { byteStream } from '../../src/streams/byteStream.ts'
import { piecesOf } from '../repo/fixture.ts'

const collect = async (stream: ReadableStream<Uint8Array>): Promise<Uint8Array> =>
  new Uint8Array(await new Response(stream).arrayBuffer())

describe('a stream of pieces', () => {
  const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))

  test('each is made when it is asked for, until the reader cancels', async () => {
    let made = 0
    let cancelled = 0
    const stream = byteStream({ next: () => Uint8Array.of(++made), cancel: () => void cancelled++ })
    await soon()
    expect(made).toBe(0)
    const reader = stream.getReader()
    for (let n = 1; n <= 3; n++) {
      expect((await reader.read()).value).toEqual(Uint8Array.of(n))
      await soon()
      expect(made).toBe(n)
    }
    await reader.cancel()
    await soon()
    expect([made, cancelled]).toEqual([3, 1])
  })

  test('it ends where they end, without cancelling them', async () => {
    let cancelled = 0
    const pieces = { ...piecesOf([Uint8Array.of(1), Uint8Array.of(2, 3)]), cancel: () => void cancelled++ }
    expect(await collect(byteStream(pieces))).toEqual(Uint8Array.of(1, 2, 3))
    expect(await collect(byteStream(piecesOf([])))).toHaveLength(0)
    expect(cancelled).toBe(0)
  })

  test('an error of the pieces is its error, and not its end', async () => {
    const lost = new Error('the database went away')
    let made = 0
    const next = (): Uint8Array => {
      if (made++ > 0) throw lost
      return new Uint8Array(10)
    }
    const reader = byteStream({ next, cancel: () => {} }).getReader()
    expect((await reader.read()).value).toHaveLength(10)
    await expect(reader.read()).rejects.toBe(lost)
    await expect(reader.read()).rejects.toBe(lost)
    expect(made).toBe(2)
  })
})
