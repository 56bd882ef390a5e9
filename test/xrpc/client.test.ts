import { expect, test } from 'vitest'
import { clientOf } from '../../src/xrpc/client.ts'

test.each([
  ['nothing', null, undefined],
  ['what is printable', 'Graysky/1.0 (Pixel 9)', 'Graysky/1.0 (Pixel 9)'],
  ['escapes and other control characters', 'a\u001b[31mb\tc\u007f\r\nd', 'a [31mb c d'],
  ['what is not ASCII', 'caf\u00e9 \u009b\u202ex', 'caf x'],
  ['what is too long', 'x'.repeat(5000), 'x'.repeat(200)],
  ['a blank at the end of what is kept', `${'x'.repeat(199)} y`, 'x'.repeat(199)],
  ['what is blank', ' \t ', undefined],
])('the client of a request, from %s', (_, sent, shown) => {
  expect(clientOf(sent)).toBe(shown)
})
