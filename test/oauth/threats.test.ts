import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { THREATS } from './threats.ts'

const root = join(import.meta.dirname, '..', '..')

it.each(THREATS)(
  '“$threat” is closed, and the test that shows it exists',
  ({ closedIn, test: [file, title] }) => {
    expect(existsSync(join(root, 'src', closedIn)), `src/${closedIn}`).toBe(true)
    expect(readFileSync(join(root, 'test', file), 'utf8')).toContain(title)
  },
)

it('no threat is listed twice', () => {
  const threats = THREATS.map(({ threat }) => threat)
  expect(new Set(threats).size).toBe(threats.length)
})
