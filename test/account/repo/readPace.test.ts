import { expect, test } from 'vitest'
import { ReadPace } from '../../../src/account/repo/exports/readPace.ts'

const SECOND = 1000

test('the pace is that of the last two minutes, without what filled the buffers at first', () => {
  const pace = new ReadPace(0)
  pace.note(5_000_000, 9 * SECOND)
  for (let n = 10; n < 130; n++) pace.note(1000, n * SECOND)
  expect(pace.bytesPerSecond(129 * SECOND)).toBeUndefined()
  expect(pace.bytesPerSecond(130 * SECOND)).toBe(1000)
  for (let n = 130; n < 260; n++) pace.note(50_000, n * SECOND)
  expect(pace.bytesPerSecond(260 * SECOND)).toBe(50_000)
})

test('of what is not read any more, the pace goes down', () => {
  const pace = new ReadPace(0)
  pace.note(2_400_000, 10 * SECOND)
  expect(pace.bytesPerSecond(130 * SECOND)).toBe(20_000)
  expect(pace.bytesPerSecond(250 * SECOND)).toBe(10_000)
})

test('a clock that goes back begins the measurement again', () => {
  const pace = new ReadPace(1000 * SECOND)
  pace.note(1000, 1010 * SECOND)
  pace.note(1000, 10 * SECOND)
  for (let n = 20; n < 140; n++) pace.note(3000, n * SECOND)
  expect(pace.bytesPerSecond(140 * SECOND)).toBe(3000)
})
