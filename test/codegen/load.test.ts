import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import { load } from '../../codegen/load.ts'

const document = {
  lexicon: 1,
  id: 'com.example.thing',
  defs: {
    main: {
      type: 'query',
      parameters: { type: 'params', required: ['a'], properties: { a: { type: 'string' } } },
      output: {
        encoding: 'application/json',
        schema: { type: 'object', properties: { x: { type: 'string' } } },
      },
      errors: [{ name: 'Gone' }],
    },
  },
}

/** The document, with a value at a JSON path replaced. */
function documentWith(where: string, value: unknown): string {
  const out: Record<string, unknown> = structuredClone(document)
  const keys = where.split('.')
  let node: Record<string, unknown> = out
  for (const key of keys.slice(0, -1)) node = node[key] as Record<string, unknown>
  node[keys.at(-1) ?? ''] = value
  return JSON.stringify(out)
}

function loading(text: string, file = 'com/example/thing.json'): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'cirrus-lexicons-'))
  try {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true })
    writeFileSync(path.join(folder, file), text)
    load(folder)
    return 'loaded'
  } catch (cause) {
    return String(cause)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

it('loads a document', () => {
  expect(loading(JSON.stringify(document))).toBe('loaded')
})

const FILE = 'LexiconError: lexicons/com/example/thing.json'

it.for([
  ['text that is not JSON', '{"lexicon": 1,\n "id": }', '(document): not JSON: SyntaxError'],
  ['no id', documentWith('id', undefined), 'id: Required'],
  ['an id that is not an NSID', documentWith('id', 'thing'), 'id: Must be a valid NSID'],
  [
    'an id that its path contradicts',
    documentWith('id', 'com.example.other'),
    'id: is "com.example.other", but the path says "com.example.thing"',
  ],
  ['an unknown version', documentWith('lexicon', 2), 'lexicon: Invalid literal value'],
  ['an unknown kind of definition', documentWith('defs.main.type', 'qury'), 'defs.main: Invalid type: qury'],
  [
    'a parameter of an unknown type',
    documentWith('defs.main.parameters.properties.a.type', 'strin'),
    'defs.main.parameters.properties.a.type: ',
  ],
  [
    'an unknown format',
    documentWith('defs.main.parameters.properties.a.format', 'didd'),
    'defs.main.parameters.properties.a.format: ',
  ],
  [
    'a required parameter that is not defined',
    documentWith('defs.main.parameters.required', ['b']),
    'defs.main.parameters: Required field "b" not defined',
  ],
  [
    'no encoding',
    documentWith('defs.main.output.encoding', undefined),
    'defs.main.output.encoding: Required',
  ],
  [
    'a mistake inside a union of forms',
    documentWith('defs.main.output.schema.properties.x.type', 'strin'),
    'defs.main.output.schema.properties.x.type: ',
  ],
  [
    'an error without a name',
    documentWith('defs.main.errors', [{ name: 'A' }, {}]),
    'defs.main.errors.1.name: Required',
  ],
  [
    'a second method',
    documentWith('defs.other', document.defs.main),
    '(document): Records, permission sets, procedures',
  ],
  [
    'a reference to a definition that does not exist',
    documentWith('defs.main.output.schema.properties.x', { type: 'ref', ref: '#gone' }),
    'defs.main.output.schema.properties.x.ref: refers to com.example.thing#gone, which no document defines',
  ],
  [
    'a reference to a document that does not exist',
    documentWith('defs.main.output.schema.properties.x', {
      type: 'array',
      items: { type: 'ref', ref: 'com.example.gone#x' },
    }),
    'defs.main.output.schema.properties.x.items.ref: refers to com.example.gone#x, which no document defines',
  ],
  [
    'a union with a reference to a document that does not exist',
    documentWith('defs.main.output.schema.properties.x', {
      type: 'union',
      refs: ['#main', 'lex:com.example.gone'],
    }),
    'defs.main.output.schema.properties.x.refs.1: refers to com.example.gone#main, which no document defines',
  ],
] as const)('names the file and the JSON path of %s', ([, text, message]) => {
  expect(loading(text)).toContain(`${FILE}: ${message}`)
})

it('names the file where the path and the id differ in their folders', () => {
  expect(loading(JSON.stringify(document), 'com/other/thing.json')).toContain(
    'lexicons/com/other/thing.json: id: is "com.example.thing", but the path says "com.other.thing"',
  )
})
