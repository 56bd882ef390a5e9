import type { LexiconDoc } from '@atproto/lexicon'
import { type Loaded, references, targetOf } from '../load.ts'
import { banner } from './banner.ts'
import { emitDocuments } from './documents.ts'

type Definition = LexiconDoc['defs'][string]

/** What a server is asked by: whatever else it must know, one of these refers to. */
const ASKED_BY: readonly string[] = ['record', 'query', 'procedure', 'subscription']

/** A method, of whose answer only the encoding is left, and whether it has a schema; and of a subscription, no message. */
const withoutAnswer = (def: Definition): Definition => {
  if (def.type === 'subscription') return { ...def, message: { schema: { type: 'union', refs: [] } } }
  if ((def.type !== 'query' && def.type !== 'procedure') || !def.output) return def
  const { encoding, schema } = def.output
  return { ...def, output: { encoding, schema: schema && { type: 'object', properties: {} } } }
}

/** `id#name` of all definitions that can be reached from records and methods. */
const reachable = (documents: LexiconDoc[]): Set<string> => {
  const definitions = new Map(
    documents.flatMap((document) =>
      Object.entries(document.defs).map(([name, def]) => [targetOf(`#${name}`, document), { document, def }]),
    ),
  )
  const found = new Set<string>()
  const visit = (target: string): void => {
    const definition = definitions.get(target)
    if (!definition || found.has(target)) return
    found.add(target)
    for (const [, ref] of references(definition.def, target)) visit(targetOf(ref, definition.document))
  }
  for (const [target, { def }] of definitions) if (ASKED_BY.includes(def.type)) visit(target)
  return found
}

const mapDefinitions = (
  document: LexiconDoc,
  map: (name: string, def: Definition) => Definition | undefined,
): LexiconDoc => ({
  ...document,
  defs: Object.fromEntries(
    Object.entries(document.defs).flatMap(([name, def]) => {
      const mapped = map(name, def)
      return mapped ? [[name, mapped]] : []
    }),
  ),
})

/**
 * `serverSchemas.ts`: what the Worker checks requests and records with, a good half of the documents. Answers are checked
 * in tests and development only, by the whole documents, and values that are known say nothing about those that are not.
 */
export function emitServerSchemas(loaded: Loaded[]): string {
  const asked = loaded.map(({ document }) => mapDefinitions(document, (_, def) => withoutAnswer(def)))
  const needed = reachable(asked)
  const documents = asked
    .map((document) =>
      mapDefinitions(document, (name, def) => (needed.has(targetOf(`#${name}`, document)) ? def : undefined)),
    )
    .filter(({ defs }) => Object.keys(defs).length > 0)
  return (
    banner('emit/serverSchemas.ts') +
    emitDocuments(
      'readServerSchemas',
      'What requests and records are checked with: the documents without descriptions and the schemas of answers.',
      documents,
      ['description', 'knownValues'],
    )
  )
}
