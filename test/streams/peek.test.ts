import { describe, expect, it } from 'vitest'
import { chunksOf, type Chunks } from '../../src/streams/chunks.ts'
import { peek } from '../../src/streams/peek.ts'

const rest = async (source: Chunks): Promise<string> => {
  let text = ''
  for (let chunk = await source.next(); chunk; chunk = await source.next())
    text += Buffer.from(chunk).toString()
  return text
}

describe('peek', () => {
  it.each<[string, string[]]>([
    ['nothing', []],
    ['less than is wanted', ['ab']],
    ['one chunk', ['abcdefgh']],
    ['many small chunks', [...'abcdefgh']],
    ['chunks across the border', ['abc', 'def', 'gh']],
  ])('shows the first bytes of %s, and leaves them there', async (_, chunks) => {
    async function* source() {
      for (const chunk of chunks) yield new TextEncoder().encode(chunk)
    }
    const { head, whole } = await peek(chunksOf(source()), 5)
    expect(Buffer.from(head).toString()).toBe(chunks.join('').slice(0, 5))
    expect(await rest(whole)).toBe(chunks.join(''))
    expect(await whole.next()).toBeUndefined()
  })

  it('passes on an error, and cancels', async () => {
    let cancelled: unknown
    const broken = new ReadableStream<Uint8Array>({ pull: () => Promise.reject(new Error('gone')) })
    await expect(peek(chunksOf(broken), 5)).rejects.toThrow('gone')
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(3)),
      cancel: (reason) => void (cancelled = reason),
    })
    const { whole } = await peek(chunksOf(endless), 5)
    await whole.cancel('enough')
    expect(cancelled).toBe('enough')
  })
})
