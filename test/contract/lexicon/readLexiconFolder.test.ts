/** What an author of lexicons reads when a document can not be used. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { readLexiconFolder } from '../../../src/contract/lexicon/readLexiconFolder.ts'
import { readSchemas } from '../../../src/generated/lexicons.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lexicons-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const put = (name: string, content: unknown): void => {
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content))
}

const query = (id: string, ref: string) => ({
  lexicon: 1,
  id,
  defs: {
    main: {
      type: 'query',
      output: { encoding: 'application/json', schema: { type: 'ref', ref } },
    },
  },
})

const message = async (besides?: Parameters<typeof readLexiconFolder>[1]): Promise<string> =>
  readLexiconFolder(folder, besides).then(
    () => 'read',
    (cause: unknown) => String(cause).replaceAll(folder, 'DIR'),
  )

it('reads the documents of a folder and its subfolders, and nothing else', async () => {
  put('com/example/b.json', query('com.example.b', 'com.example.a#thing'))
  put('com/example/a.json', {
    lexicon: 1,
    id: 'com.example.a',
    defs: { thing: { type: 'object', properties: {} } },
  })
  put('README.md', 'not one')
  expect((await readLexiconFolder(folder)).map(({ id }) => id)).toEqual(['com.example.a', 'com.example.b'])
})

it('finds what is referred to in the documents that it is given besides', async () => {
  put('a.json', query('com.example.a', 'com.atproto.repo.strongRef'))
  expect(await message()).toContain(
    'a.json: defs.main.output.schema.ref: com.atproto.repo.strongRef is not in any document',
  )
  expect(await message(readSchemas())).toBe('read')
})

it.for([
  ['not JSON', '{"lexicon": 1,', /bad\.json: it is not JSON: /],
  ['not UTF-8', '\u{10ffff}'.slice(0, 1), /bad\.json: it is not JSON/],
  ['a list', [], /bad\.json: it is not an object/],
  [
    'of another version',
    { lexicon: 2, id: 'com.example.a', defs: {} },
    /bad\.json: lexicon: expected 1, not 2/,
  ],
  ['without an id', { lexicon: 1, defs: {} }, /bad\.json: it is not a lexicon document: id: /],
  [
    'with a type that is not one',
    { lexicon: 1, id: 'com.example.a', defs: { main: { type: 'query', output: { encoding: 5 } } } },
    /bad\.json: it is not a lexicon document: defs\.main\.output\.encoding: /,
  ],
] as const)('says which file is bad, and why: %s', async ([, content, expected]) => {
  put('bad.json', content)
  put('good.json', { lexicon: 1, id: 'com.example.good', defs: {} })
  expect(await message()).toMatch(expected)
})

it('says where an id stands twice', async () => {
  put('a.json', { lexicon: 1, id: 'com.example.a', defs: {} })
  put('b.json', { lexicon: 1, id: 'com.example.a', defs: {} })
  expect(await message()).toContain('b.json: id: com.example.a is also the id of a.json')
})

it('says what it expected of a folder', async () => {
  expect(await message()).toContain('DIR has no .json files: expected lexicon documents')
  await expect(readLexiconFolder(join(folder, 'none'))).rejects.toThrow(
    /none can not be read as a folder: ENOENT/,
  )
})
