import { describe, expect, it } from 'vitest'
import { operationBudget } from '../../src/plc/operationBudget.ts'

const HOUR = 3600_000
const DAY = 24 * HOUR
const NOW = 1_800_000_000_000
/** Operations so many milliseconds ago, the oldest first. */
const ago = (...times: number[]) =>
  times.toSorted((a, b) => b - a).map((ms) => ({ createdAt: NOW - ms, nullified: false }))
const many = (count: number, ms: number) => Array.from({ length: count }, (_, i) => ms + i)

describe('the operations that the directory still takes', () => {
  it.each<[string, number[], number, string]>([
    ['a DID of long ago has all of an hour', [100 * DAY], 10, 'hour'],
    ['those of the last hour count', [HOUR - 1, HOUR, 30_000], 8, 'hour'],
    ['a busy day leaves less than an hour would', many(25, 2 * HOUR), 5, 'day'],
    ['a busy week leaves less than a day would', many(97, 2 * DAY), 3, 'week'],
    ['a full hour leaves none', many(10, 60_000), 0, 'hour'],
  ])('%s', (_, times, left, per) => {
    expect(operationBudget(ago(...times), NOW)).toMatchObject({ left, per })
  })

  it('says when there is room again: when the tenth last is an hour old', () => {
    const times = [50 * 60_000, 40 * 60_000, ...many(9, 60_000)]
    expect(operationBudget(ago(...times), NOW)).toMatchObject({
      left: 0,
      used: { hour: 11, day: 11, week: 11 },
      freeAt: NOW - 40 * 60_000 + HOUR,
    })
    expect(operationBudget(ago(1), NOW).freeAt).toBeUndefined()
  })

  it('leaves out what is nullified', () => {
    const entries = ago(...many(10, 60_000)).map((entry, i) => ({ ...entry, nullified: i < 4 }))
    expect(operationBudget(entries, NOW)).toMatchObject({ left: 4, used: { hour: 6 } })
  })
})
