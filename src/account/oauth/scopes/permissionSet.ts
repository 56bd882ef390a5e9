import type { LexiconPermission, LexiconPermissionSet } from '@atproto/oauth-scopes'
import { IdentityError } from '../../../identity/errors.ts'
import { isObject } from '../../../isObject.ts'

/** Characters of the set as JSON. The largest of Bluesky's has 4,300. */
const MAX_LENGTH = 32 * 1024

const isParam = (value: unknown): boolean =>
  typeof value === 'string' || typeof value === 'boolean' || Number.isInteger(value)

const isPermission = (value: unknown): value is LexiconPermission =>
  isObject(value) &&
  value.type === 'permission' &&
  typeof value.resource === 'string' &&
  Object.values(value).every((of) => (Array.isArray(of) ? of.every(isParam) : isParam(of)))

/**
 * Reads the permissions of a set from its Lexicon document. What it claims of itself in words is left out: the owner is
 * shown what it permits. Which of the permissions count is decided where the set is included.
 */
export const parsePermissionSet = (nsid: string, document: unknown): LexiconPermissionSet => {
  const bad = (why: string) => new IdentityError('BadAnswer', `the document of ${nsid} ${why}`)
  if (!isObject(document) || document.lexicon !== 1 || document.id !== nsid)
    throw bad('is not a Lexicon document with this id')
  const main = isObject(document.defs) ? document.defs.main : undefined
  if (!isObject(main) || main.type !== 'permission-set') throw bad('is not a permission set')
  const { permissions } = main
  if (!Array.isArray(permissions) || !permissions.every(isPermission))
    throw bad('has a permission that is not one')
  const set = { type: 'permission-set', permissions } as const
  if (JSON.stringify(set).length > MAX_LENGTH) throw bad(`has more than ${MAX_LENGTH} characters`)
  return set
}
