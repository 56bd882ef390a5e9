/** The documents, compiled once. Building takes 4-5 ms, so it waits for the first request. */
import { Lexicons, type LexUserType } from '@atproto/lexicon'
import type { MethodId } from '../generated/methods.ts'
import { schemas } from '../generated/lexicons.ts'

let compiled: Lexicons | undefined

export const lexicons = (): Lexicons => (compiled ??= new Lexicons(schemas))

export type MethodDef = Extract<LexUserType, { type: 'query' | 'procedure' | 'subscription' }>

/** A method's definition. Every `MethodId` comes from a document, so it is always there. */
export function definition(id: MethodId): MethodDef {
  const def = lexicons().getDefOrThrow(id, ['query', 'procedure', 'subscription'])
  // getDefOrThrow has checked the type, which its own return type does not say.
  return def as MethodDef
}

/** The error names that a method's document declares. */
export const declaredErrors = (def: MethodDef): string[] => (def.errors ?? []).map(({ name }) => name)
