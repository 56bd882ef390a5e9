import { expect, it } from 'vitest'
import { load } from '../../codegen/load.ts'
import { withoutRow } from '../../codegen/main.ts'
import { copy, EVERYTHING, type Copy } from './support.ts'

const ping = {
  lexicon: 1,
  id: 'com.cirrus.admin.ping',
  defs: {
    main: {
      type: 'query',
      output: { encoding: 'application/json', schema: { type: 'object', properties: {} } },
    },
  },
}
const ROW = "'com.cirrus.admin.endSessions': adminOnly,"

/** The file of each error of `tsc`. */
const errors = (tree: Copy): string[] =>
  [...tree.tsc().output.matchAll(/^(\S+)\(\d+,\d+\): error/gm)].map(([, file]) => file ?? '').toSorted()

it('needs one run of codegen, and compiles once it has a row and a handler', () => {
  using tree = copy(EVERYTHING)
  const policy = tree.read('src/policy.ts')
  tree.write('lexicons/com/cirrus/admin/ping.json', JSON.stringify(ping))
  tree.write('src/policy.ts', policy.replace(ROW, `${ROW}\n'com.cirrus.admin.ping': adminOnly,`))
  expect(tree.codegen()).toMatchObject({ code: 0, output: expect.not.stringContaining('has no row') })
  for (const page of ['README.md', 'docs/endpoints.md'])
    expect(tree.read(page)).toContain('| `com.cirrus.admin.ping` | query | account | admin always |')
  expect(errors(tree)).toEqual(['src/handlers/index.ts'])
  tree.write('src/policy.ts', policy)
  expect(errors(tree)).toEqual(['src/handlers/index.ts', 'src/policy.ts'])
})

it('is named by codegen while the policy has no row for it', () => {
  expect(withoutRow(load())).toEqual([])
  expect(withoutRow(load(), {})).toContain(
    'com.cirrus.admin.checkRepo has no row in src/policy.ts: add it, and run `npm run codegen` again',
  )
})
