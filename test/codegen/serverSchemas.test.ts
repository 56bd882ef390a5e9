import { Lexicons } from '@atproto/lexicon'
import { expect, it } from 'vitest'
import { without } from '../../codegen/emit/documents.ts'
import { checkReferences, load } from '../../codegen/load.ts'
import { methodsOf } from '../../codegen/methods.ts'
import { readSchemas } from '../../src/generated/lexicons.ts'
import { readServerSchemas } from '../../src/generated/serverSchemas.ts'

const [whole, server] = [new Lexicons(readSchemas()), new Lexicons(readServerSchemas())]

it('refers to nothing that it lacks', () => {
  expect(() =>
    checkReferences(readServerSchemas().map((document) => ({ file: document.id, document }))),
  ).not.toThrow()
})

it('asks for what the documents ask for, and knows all records', () => {
  const asked = load().flatMap(({ document: { id, defs } }) =>
    defs.main && defs.main.type !== 'object' && defs.main.type !== 'string' ? [id] : [],
  )
  expect(asked.length).toBeGreaterThan(100)
  for (const id of asked) {
    const { output: _, message: __, ...def } = Object(whole.getDefOrThrow(id))
    expect(server.getDefOrThrow(id)).toMatchObject(Object(without(['knownValues'], def)))
  }
})

it('defines whatever it refers to as the documents do', () => {
  const types = ['object', 'array', 'string', 'token']
  const referred = [...server].flatMap(({ id, defs }) =>
    Object.entries(defs).flatMap(([name, def]) => (types.includes(def.type) ? [`${id}#${name}`] : [])),
  )
  expect(referred).toContain('com.atproto.repo.applyWrites#create')
  expect(referred).not.toContain('com.atproto.repo.applyWrites#createResult')
  for (const uri of referred) expect(server.getDef(uri)).toEqual(without(['knownValues'], whole.getDef(uri)))
})

it('says of each answer its encoding, and whether it has a schema', () => {
  for (const { id, main } of methodsOf(load()))
    if (main.type === 'subscription')
      expect(server.getDef(id)).toHaveProperty('message', { schema: { type: 'union', refs: [] } })
    else
      expect(Object(server.getDef(id)).output, id).toEqual(
        main.output && {
          encoding: main.output.encoding,
          ...(main.output.schema ? { schema: { type: 'object', properties: {} } } : {}),
        },
      )
})
