import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, expect, it } from 'vitest'

const root = path.resolve(import.meta.dirname, '../..')
// Below node_modules, so that packages resolve and no other check looks at it.
const folder = path.join(root, 'node_modules/.cache/cirrus-types')

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The lines of a file that `tsc` objects to. */
function objections(source: string): number[] {
  mkdirSync(folder, { recursive: true })
  writeFileSync(path.join(folder, 'seeded.ts'), source.replaceAll("'../../src/", `'${root}/src/`))
  writeFileSync(
    path.join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: path.join(root, 'tsconfig.json'), include: [], files: ['seeded.ts'] }),
  )
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc')
  const { stdout } = spawnSync(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], {
    encoding: 'utf8',
  })
  return [...stdout.matchAll(/seeded\.ts\((\d+),/g)].map(([, line]) => Number(line))
}

const lines = readFileSync(path.join(import.meta.dirname, 'handlers.ts'), 'utf8').split('\n')
const isDirective = (line: string): boolean => line.includes('// @ts-expect-error')

it('objects to each seeded mistake once nothing expects it', () => {
  const mistakes = lines.filter(isDirective).length
  const seeded = lines.map((line) => (isDirective(line) ? '//' : line)).join('\n')
  // Line numbers stay, so each directive stands right above its mistake.
  const expected = lines.flatMap((line, i) => (isDirective(line) ? [i + 2] : []))
  expect(mistakes).toBeGreaterThan(20)
  expect([...new Set(objections(seeded))]).toEqual(expected)
})

it('objects to nothing in the file as it stands', () => {
  expect(objections(lines.join('\n'))).toEqual([])
})
