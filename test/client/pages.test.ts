import { describe, expect, it } from 'vitest'
import { pages } from '../../src/client/index.ts'

interface Page {
  items: number[]
  cursor?: string
}

const collect = async (
  list: (page: { cursor?: string }) => Promise<Page>,
  from?: string,
): Promise<number[]> => {
  const all: number[] = []
  for await (const { items } of pages(list, from)) all.push(...items)
  return all
}

describe('pages', () => {
  it('follow the cursor until there is none', async () => {
    const asked: (string | undefined)[] = []
    const list = async ({ cursor }: { cursor?: string }): Promise<Page> => {
      asked.push(cursor)
      const n = Number(cursor ?? 0)
      return { items: [n], ...(n < 3 && { cursor: String(n + 1) }) }
    }
    expect(await collect(list)).toEqual([0, 1, 2, 3])
    expect(asked).toEqual([undefined, '1', '2', '3'])
    expect(await collect(list, '2')).toEqual([2, 3])
  })

  it('may be empty in the middle', async () => {
    const answers: Page[] = [{ items: [1], cursor: 'a' }, { items: [], cursor: 'b' }, { items: [2] }]
    expect(await collect(async () => answers.shift() ?? { items: [] })).toEqual([1, 2])
  })

  it('end where a server answers an empty page with the same cursor', async () => {
    const answers: Page[] = [
      { items: [1], cursor: 'a' },
      { items: [], cursor: 'a' },
    ]
    expect(await collect(async () => answers.shift() ?? { items: [9], cursor: 'x' })).toEqual([1])
  })

  it('never end early unnoticed: a cursor that comes again is an error', async () => {
    let n = 0
    const circle = async (): Promise<Page> => ({ items: [n], cursor: ['a', 'b'][n++ % 2] ?? '' })
    await expect(collect(circle)).rejects.toThrow(/repeats its cursor a/)
  })

  it('fail after too many empty pages in a row', async () => {
    let n = 0
    await expect(collect(async () => ({ items: [], cursor: String(n++) }))).rejects.toThrow(
      /empty pages in a row/,
    )
    expect(n).toBeLessThan(200)
  })
})
