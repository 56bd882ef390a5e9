import { expect, it } from 'vitest'
import { readConditions } from '../../src/xrpc/conditions.ts'

const range = (value: string) => readConditions(new Headers({ range: value })).range

it('reads one range of bytes', () => {
  expect(range('bytes=0-0')).toEqual({ offset: 0, length: 1 })
  expect(range('bytes=10-19')).toEqual({ offset: 10, length: 10 })
  expect(range('bytes=5-')).toEqual({ offset: 5 })
  expect(range('bytes=-5')).toEqual({ suffix: 5 })
})

it('ignores the ranges that may be ignored: the answer is the whole', () => {
  for (const value of [
    '',
    'bytes',
    'bytes=',
    'bytes=-',
    'bytes=2-1',
    'bytes=0-1,3-4',
    'lines=0-1',
    'bytes=a-b',
    `bytes=0-${'9'.repeat(16)}`,
  ])
    expect(range(value), value).toBeUndefined()
})

it('reads entity tags, weak ones and several', () => {
  const tags = (value: string) => readConditions(new Headers({ 'if-none-match': value })).ifNoneMatch
  expect(tags('"a"')).toEqual(['a'])
  expect(tags('W/"a", "b" , c')).toEqual(['a', 'b', 'c'])
  expect(tags('*')).toEqual(['*'])
  expect(readConditions(new Headers()).ifNoneMatch).toBeUndefined()
})
