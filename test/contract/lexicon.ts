import { Lexicons, type LexXrpcBody, type LexXrpcProcedure, type LexXrpcQuery } from '@atproto/lexicon'
import { readSchemas } from '../../src/generated/lexicons.ts'
import type { MethodId } from '../../src/generated/methods.ts'

type Property = NonNullable<LexXrpcQuery['parameters']>['properties'][string]

export interface Method {
  id: MethodId
  kind: 'query' | 'procedure'
  params: Record<string, Property>
  required: string[]
  input: LexXrpcBody | undefined
  output: LexXrpcBody | undefined
  errors: string[]
}

// Building the library's index changes the references in place, so the suite has a copy of its own.
export const lexicons = new Lexicons(readSchemas())

const methodOf = (id: string, def: LexXrpcQuery | LexXrpcProcedure): Method => ({
  // Every id here is the id of a document with a method, which is what MethodId lists.
  id: id as MethodId,
  kind: def.type,
  params: def.parameters?.properties ?? {},
  required: def.parameters?.required ?? [],
  input: def.type === 'procedure' ? def.input : undefined,
  output: def.output,
  errors: (def.errors ?? []).map(({ name }) => name),
})

export const methods: Method[] = [...lexicons].flatMap((document) => {
  const main = document.defs.main
  return main?.type === 'query' || main?.type === 'procedure' ? [methodOf(document.id, main)] : []
})

export const methodById = (id: MethodId): Method => {
  const method = methods.find((candidate) => candidate.id === id)
  if (!method) throw new Error(`no document for ${id}`)
  return method
}
