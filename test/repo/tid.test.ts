import { TID } from '@atproto/common-web'
import { isValidTid } from '@atproto/syntax'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TidError, formatTid, isTid, nextTid, parseTid } from '../../src/repo/tid.ts'

const micros = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER - 1 })
const clock = fc.integer({ min: 0, max: 1023 })

describe('TIDs', () => {
  test('are formatted and parsed as by the reference', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2 ** 50, max: 2 ** 52 }), clock, (time, id) => {
        const tid = formatTid(time, id)
        expect(tid).toBe(TID.fromTime(time, id).toString())
        expect(parseTid(tid)).toEqual({ micros: time, clock: id })
        expect(isValidTid(tid)).toBe(true)
      }),
    )
  })

  test('have the order of their times', () => {
    fc.assert(
      fc.property(micros, micros, clock, clock, (a, b, x, y) => {
        fc.pre(a !== b)
        expect(formatTid(a, x) < formatTid(b, y)).toBe(a < b)
      }),
    )
  })

  test('always increase, whatever the clock and the clock identifier are', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(2 ** 31), clock), { minLength: 2 }), (moments) => {
        let prev: string | undefined
        for (const [now, id] of moments) {
          const tid = nextTid(now, prev, id)
          if (prev !== undefined) expect(tid > prev).toBe(true)
          prev = tid
        }
      }),
    )
  })

  test('follow a revision of another host that is ahead of our clock', () => {
    const ahead = formatTid(1_800_000_000_000_000, 1023)
    expect(parseTid(nextTid(1_700_000_000_000, ahead)).micros).toBe(1_800_000_000_000_001)
  })

  test.each([
    '',
    '3jzfcijpj2z2',
    '3jzfcijpj2z2aa',
    '3jzfcijpj2z21',
    'kjzfcijpj2z2a',
    '3jzf-cij-pj2z-2a',
    'jzzzzzzzzzzzz',
  ])('%j is not a TID', (text) => {
    expect(isTid(text)).toBe(false)
    expect(() => parseTid(text)).toThrow(TidError)
  })

  test('there is no TID after the last', () => {
    const last = formatTid(Number.MAX_SAFE_INTEGER)
    expect(isTid(last)).toBe(true)
    expect(() => nextTid(0, last)).toThrow(TidError)
    expect(() => formatTid(-1)).toThrow(TidError)
  })
})
