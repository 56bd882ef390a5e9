import { Lexicons, type LexUserType } from '@atproto/lexicon'
import type { MethodId } from '../generated/methods.ts'
import { readServerSchemas } from '../generated/serverSchemas.ts'

let compiled: Lexicons | undefined

/** What requests and records are checked with, compiled once: at the first request, since it takes milliseconds. */
export const lexicons = (): Lexicons => (compiled ??= new Lexicons(readServerSchemas()))

export type MethodDef = Extract<LexUserType, { type: 'query' | 'procedure' | 'subscription' }>

/** A method's definition. Every `MethodId` comes from a document, so it is always there. */
export function definition(id: MethodId): MethodDef {
  const def = lexicons().getDefOrThrow(id, ['query', 'procedure', 'subscription'])
  // getDefOrThrow checks the type, but its return type does not say so.
  return def as MethodDef
}

/** The names of the errors that a method's document declares. */
export const declaredErrors = (def: MethodDef): string[] => (def.errors ?? []).map(({ name }) => name)

const RECORD_READS: readonly string[] = [
  'com.atproto.repo.describeRepo',
  'com.atproto.repo.getRecord',
  'com.atproto.repo.listRecords',
]
const DEPRECATED_READS: readonly string[] = ['com.atproto.sync.getCheckout', 'com.atproto.sync.getHead']
const RECORD_WRITES: readonly string[] = [
  'com.atproto.repo.applyWrites',
  'com.atproto.repo.createRecord',
  'com.atproto.repo.putRecord',
]

/** Errors that the documents of these methods do not declare, but that their callers must be able to recognise. */
const UNDECLARED: Readonly<Record<string, readonly string[]>> = {
  RepoDeactivated: [...RECORD_READS, ...DEPRECATED_READS],
  RepoNotFound: DEPRECATED_READS,
  // What is wrong with a handle, or with a blob that a record refers to, named as the reference names it.
  InvalidHandle: ['com.atproto.identity.updateHandle'],
  BlobNotFound: RECORD_WRITES,
  InvalidMimeType: RECORD_WRITES,
  InvalidSize: RECORD_WRITES,
  // What this server keeps after a move must not be replaced by mistake.
  RetentionLocked: ['com.atproto.repo.importRepo'],
}

/** Whether `id` names a method that is served here. */
export const isServed = (id: string): id is MethodId => {
  const type = lexicons().getDef(id)?.type
  return type === 'query' || type === 'procedure' || type === 'subscription'
}

/** Whether the method may answer an error of this name: its document declares it, or it is one of the undeclared. */
export const mayAnswer = (id: string, name: string): boolean =>
  (isServed(id) && declaredErrors(definition(id)).includes(name)) ||
  (Object.hasOwn(UNDECLARED, name) && UNDECLARED[name]?.includes(id) === true)
