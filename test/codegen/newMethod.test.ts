import { expect, it } from 'vitest'
import { copy, EVERYTHING } from './support.ts'

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
const ROW = "'com.cirrus.admin.checkRepo': adminOnly,"

it('does not compile without a row and a handler, and says what is missing', () => {
  using tree = copy(EVERYTHING)
  tree.write('lexicons/com/cirrus/admin/ping.json', JSON.stringify(ping))
  expect(tree.codegen()).toMatchObject({
    code: 0,
    output: expect.stringContaining('com.cirrus.admin.ping has no row in src/policy.ts'),
  })
  const { output } = tree.tsc()
  const files = [...output.matchAll(/^(\S+)\(\d+,\d+\): error/gm)].map(([, file]) => file)
  expect(files.toSorted()).toEqual(['src/handlers/index.ts', 'src/policy.ts'])
})

it('needs one run of codegen once the policy has its row', () => {
  using tree = copy()
  tree.write('lexicons/com/cirrus/admin/ping.json', JSON.stringify(ping))
  tree.write(
    'src/policy.ts',
    tree.read('src/policy.ts').replace(ROW, `${ROW}\n'com.cirrus.admin.ping': adminOnly,`),
  )
  const { output } = tree.codegen()
  expect(output).not.toContain('has no row')
  for (const page of ['README.md', 'docs/endpoints.md'])
    expect(tree.read(page)).toContain('| `com.cirrus.admin.ping` | query | account | admin always |')
})
