import { describe, expect, it } from 'vitest'
import { createByteBudget } from '../../../src/mover/copy/byteBudget.ts'

const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

describe('a budget of bytes', () => {
  it('is never exceeded, and goes to those who wait in their order', async () => {
    const budget = createByteBudget(100)
    const order: string[] = []
    const take = async (name: string, bytes: number) => {
      const giveBack = await budget.take(bytes)
      order.push(name)
      return giveBack
    }
    const first = await take('first', 60)
    const large = take('large', 70)
    const small = take('small', 10)
    await settled()
    // The small one would fit, and does not overtake the large one, which would wait for ever.
    expect(order).toEqual(['first'])
    first()
    const giveBack = await large
    await small
    expect(order).toEqual(['first', 'large', 'small'])
    const last = take('last', 30)
    await settled()
    expect(order).toHaveLength(3)
    giveBack()
    await last
  })

  it('is taken whole by what is larger, and given back once', async () => {
    const budget = createByteBudget(100)
    const giveBack = await budget.take(1000)
    let isFree = false
    const next = budget.take(100).then((give) => {
      isFree = true
      return give
    })
    await settled()
    expect(isFree).toBe(false)
    giveBack()
    giveBack()
    await next
    let isTwice = false
    void budget.take(1).then(() => (isTwice = true))
    await settled()
    expect(isTwice).toBe(false)
  })
})
