import { expect, test } from 'vitest'
import { minimalLengths } from '../../../src/repo/car/minimalLengths.ts'
import { carSection } from '../../../src/repo/car/writeCar.ts'
import { cborCid, padded } from '../fixture.ts'

const section = (length: number): Uint8Array => {
  const bytes = new Uint8Array(length).fill(length)
  return carSection(cborCid(bytes), bytes)
}
// Lengths of one, two and three bytes.
const sections = [1, 91, 92, 500, 20_000].map(section)
const minimal = new Uint8Array(Buffer.concat(sections))

test('a run whose lengths are as short as they can be is given back as it is', () => {
  expect(minimalLengths(minimal)).toBe(minimal)
  const empty = new Uint8Array(0)
  expect(minimalLengths(empty)).toBe(empty)
})

test.each([1, 2, 3])('lengths that are %i bytes too long become as short as they can be', (more) => {
  expect(minimalLengths(new Uint8Array(Buffer.concat(sections.map((one) => padded(one, more)))))).toEqual(
    minimal,
  )
  const last = sections.map((one, i) => (i === sections.length - 1 ? padded(one, more) : one))
  expect(minimalLengths(new Uint8Array(Buffer.concat(last)))).toEqual(minimal)
})
