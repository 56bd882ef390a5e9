import { describe, expect, it } from 'vitest'
import { documentation, generate } from '../../codegen/main.ts'
import { copy, type Copy } from './support.ts'

it('writes the same bytes each time', async () => {
  expect([...generate()]).toEqual([...generate()])
  expect([...(await documentation())]).toEqual([...(await documentation())])
})

it('writes what is committed, and removes what it did not write', () => {
  using tree = copy()
  const before = tree.read('src/generated/methods.ts')
  tree.write('src/generated/methods.ts', 'export {}\n')
  tree.write('src/generated/types/stray.ts', 'export {}\n')
  tree.write('lexicons/com/atproto/server/getSession.json', '{}')
  expect(tree.codegen()).toMatchObject({ code: 0 })
  expect(tree.read('src/generated/methods.ts')).toBe(before)
  expect(() => tree.read('src/generated/types/stray.ts')).toThrow('ENOENT')
  expect(tree.codegen('--check')).toMatchObject({ code: 0, output: 'codegen: up to date\n' })
})

const SESSION = 'lexicons/com/atproto/server/getSession.json'
const JOURNAL = 'lexicons/com/cirrus/admin/getJournal.json'

describe('--check', () => {
  it.for<[string, (tree: Copy) => void, string]>([
    [
      'that was edited by hand',
      (tree) => tree.write(SESSION, tree.read(SESSION).replace('Get information', 'Get all information')),
      `${SESSION} was edited by hand`,
    ],
    ['that is missing', (tree) => tree.remove(SESSION), `${SESSION} is missing`],
    [
      'that we do not serve',
      (tree) => tree.write('lexicons/com/atproto/server/createInviteCode.json', '{}'),
      'lexicons/com/atproto/server/createInviteCode.json is not one of the standard documents',
    ],
  ])('finds a standard document %s', ([, edit, finding]) => {
    using tree = copy()
    edit(tree)
    const { code, output } = tree.codegen('--check')
    expect(output).toContain(`codegen: ${finding}`)
    expect(output).toContain('run `npm run codegen` and commit the result')
    expect(code).toBe(1)
  })

  it('finds what differs from the documents and the policy, names each file, and changes none', () => {
    using tree = copy()
    const replace = (file: string, from: string, to: string): void => {
      expect(tree.read(file)).toContain(from)
      tree.write(file, tree.read(file).replace(from, to))
    }
    // A generated file that was edited, a missing one, and one that is not generated.
    replace('src/generated/server.ts', 'Router', 'Rooter')
    tree.remove('src/generated/util.ts')
    tree.write('src/generated/mine.ts', 'export {}\n')
    // Our own document and the policy, changed without a run of the generator.
    replace(JOURNAL, '"maximum": 1000', '"maximum": 500')
    replace('src/policy.ts', "'com.atproto.sync.getRepo': repoRead", "'com.atproto.sync.getRepo': write")
    const { code, output } = tree.codegen('--check')
    expect(
      output
        .split('\n')
        .filter((line) => line.startsWith('codegen: '))
        .toSorted(),
    ).toEqual([
      'codegen: README.md differs',
      'codegen: docs/endpoints.md differs',
      'codegen: run `npm run codegen` and commit the result',
      'codegen: src/generated/lexicons.ts differs',
      'codegen: src/generated/mine.ts is not generated',
      'codegen: src/generated/server.ts differs',
      'codegen: src/generated/serverSchemas.ts differs',
      'codegen: src/generated/util.ts is missing',
    ])
    expect(code).toBe(1)
    expect(tree.read('src/generated/mine.ts')).toBe('export {}\n')
    expect(tree.read('src/generated/server.ts')).toContain('Rooter')
  })
})
