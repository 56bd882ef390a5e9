import type { Check } from '../../mover/check.ts'
import type { Paint } from './output.ts'

const SIGNS = { pass: '✓', warn: '!', fail: '✗' } as const
const COLOURS = { pass: 'green', warn: 'yellow', fail: 'red' } as const

/** Checks as lines: a sign, what was asked in a column of this width, what was seen, and below it what to do. */
export const checkLines = (
  checks: readonly Check[],
  paint: Paint,
  width = Math.max(...checks.map(({ id }) => id.length)),
): string => {
  return checks
    .map(({ id, level, seen, mend }) =>
      [
        `${paint(COLOURS[level], SIGNS[level])} ${id.padEnd(width)}  ${seen.replaceAll('\n', ' ')}`,
        ...(mend ? [`  ${' '.repeat(width)}  ${paint('bold', 'Next:')} ${mend}`] : []),
      ].join('\n'),
    )
    .join('\n')
}
