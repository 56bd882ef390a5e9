import { expect, test } from 'vitest'
import { lockfileProblems, type Lockfile } from '../../scripts/lockfile.ts'

const build = { version: '1.0.0', integrity: 'sha512-AA==' }
const lock = (packages: Lockfile['packages']): Lockfile => ({
  packages: {
    'node_modules/tool': {
      ...build,
      optionalDependencies: { 'tool-linux': '1.0.0', 'tool-darwin': '1.0.0' },
    },
    'node_modules/tool-linux': build,
    ...packages,
  },
})

test('a lock with a build for every system has no problem', () => {
  expect(lockfileProblems(lock({ 'node_modules/tool-darwin': build }))).toEqual([])
  expect(lockfileProblems(lock({ 'node_modules/tool/node_modules/tool-darwin': build }))).toEqual([])
})

test('a build that is missing, or lies where the package cannot load it, is a problem', () => {
  const missing = ['node_modules/tool: tool-darwin is missing']
  expect(lockfileProblems(lock({}))).toEqual(missing)
  expect(lockfileProblems(lock({ 'node_modules/other/node_modules/tool-darwin': build }))).toEqual(missing)
})

test.each([
  [
    'a build without integrity',
    { version: '1.0.0' },
    'node_modules/tool: tool-darwin has no version or no integrity',
  ],
  ['libc', { ...build, libc: ['glibc'] }, 'node_modules/tool-darwin: libc, which npm 10 takes out'],
  [
    'a registry',
    { ...build, resolved: 'https://r/t.tgz' },
    'node_modules/tool-darwin: resolved, which names a registry',
  ],
])('%s is a problem', (_, entry, problem) => {
  expect(lockfileProblems(lock({ 'node_modules/tool-darwin': entry }))).toEqual([problem])
})
