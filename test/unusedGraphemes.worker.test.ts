import { graphemeLen } from '@atproto/lex-data'
import { expect, test } from 'vitest'
import { countGraphemes } from '../src/unusedGraphemes.ts'

test.each([
  ['', 0],
  ['hello', 5],
  ['cafe\u0301', 4],
  ['\u{1F468}\u200D\u{1F469}\u200D\u{1F467}\u200D\u{1F466}', 1],
  ['\u{1F1E9}\u{1F1EA}\u{1F1EB}\u{1F1F7}', 2],
  ['\u0BA8\u0BBF', 1],
])('workerd counts the graphemes of %j by itself', (text, length) => {
  expect(graphemeLen(text)).toBe(length)
})

test('what stands in for the library throws instead of counting wrongly', () => {
  expect(countGraphemes).toThrow('unicode-segmenter is not in the Worker')
})
