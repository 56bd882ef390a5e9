import { expect, it } from 'vitest'
import { copy, EVERYTHING } from './support.ts'

const TIMEOUT = 120_000

const FILE = 'lexicons/com/cirrus/admin/ping.json'
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

it(
  'needs one run for a new method, and says so when the policy has no row for it',
  { timeout: TIMEOUT },
  () => {
    using tree = copy()
    tree.write(FILE, JSON.stringify(ping))
    expect(tree.codegen()).toMatchObject({
      code: 0,
      output: expect.stringContaining('com.cirrus.admin.ping has no row in src/policy.ts'),
    })
    expect(tree.read('docs/endpoints.md')).toContain('| `com.cirrus.admin.ping` | query | | |')
    const row = "'com.cirrus.admin.checkRepo': adminOnly,"
    tree.write(
      'src/policy.ts',
      tree.read('src/policy.ts').replace(row, `${row}\n'com.cirrus.admin.ping': adminOnly,`),
    )
    expect(tree.codegen().output).not.toContain('has no row')
    expect(tree.read('README.md')).toContain('| `com.cirrus.admin.ping` | query | account | admin always |')
    expect(tree.codegen('--check')).toMatchObject({ code: 0 })
  },
)

it(
  'does not compile without its row and its handler: two errors, and no others',
  { timeout: TIMEOUT },
  () => {
    using tree = copy(EVERYTHING)
    tree.write(FILE, JSON.stringify(ping))
    expect(tree.codegen()).toMatchObject({ code: 0 })
    const { output } = tree.tsc()
    const files = [...output.matchAll(/^(\S+)\(\d+,\d+\): error/gm)].map(([, file]) => file)
    expect(files.toSorted()).toEqual(['src/handlers/index.ts', 'src/policy.ts'])
  },
)
