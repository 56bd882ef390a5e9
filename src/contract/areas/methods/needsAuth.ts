import { policyOf } from './policyOf.ts'
import type { Method } from '../../lexicon/lexiconSet.ts'

/** What a Cirrus opens to fewer than other servers do: an account is made there by anyone, and waited for. */
const OPEN_ELSEWHERE: ReadonlySet<string> = new Set([
  'com.atproto.server.confirmEmail',
  'com.atproto.server.createAccount',
  'com.atproto.temp.checkSignupQueue',
])

/** Methods of every PDS that act for the account of the caller, or tell what only its owner may know. */
const isOfTheOwner = (id: string): boolean => {
  const row = policyOf(id)
  return row !== undefined && !row.who.anyone && !id.startsWith('com.cirrus.') && !OPEN_ELSEWHERE.has(id)
}

/** Whether the password that a method wants is in its body, as for deleteAccount: no header is looked for. */
const hasPasswordInBody = ({ input }: Method): boolean =>
  input?.schema?.type === 'object' && (input.schema.required?.includes('password') ?? false)

/** Whether the lexicon says that a method wants a credential beside its body: documents have no other place for it. */
export const isDescribedAsPrivate = (method: Method): boolean =>
  !isDescribedAsPublic(method.description) &&
  /\brequires auth|\brequires a valid auth/i.test(method.description) &&
  !hasPasswordInBody(method)

export const isDescribedAsPublic = (description: string): boolean =>
  /\bdoes not require auth/i.test(description)

/** Whether a method may not be called without a credential. */
export const needsAuth = (method: Method): boolean => isOfTheOwner(method.id) || isDescribedAsPrivate(method)
