import { TokenError } from '../../crypto/errors.ts'
import { error } from '../../xrpc/errors.ts'
import { docsLink, type Topic } from '../../docsLink.ts'

const TOPICS: Record<TokenError['code'], Topic> = {
  Malformed: 'token-malformed',
  WrongType: 'token-wrong-type',
  WrongAlg: 'token-wrong-alg',
  BadSignature: 'token-bad-signature',
  Expired: 'token-expired',
  TooLong: 'token-too-long',
  FromFuture: 'token-from-future',
  Revoked: 'token-revoked',
  WrongIssuer: 'token-wrong-issuer',
  WrongAudience: 'token-wrong-audience',
  WrongMethod: 'token-wrong-method',
  BadClaims: 'token-bad-claims',
}

/**
 * Why a token does not verify, as an XRPC error that may add what to do, with the reason as its cause. Anything else is
 * returned as it is. That a session's token has expired is said in few words: clients of the family of `@atcute/client`
 * refresh only if the whole body has at most 81 bytes.
 */
export const tokenError = (cause: unknown, advice?: string): unknown => {
  if (!(cause instanceof TokenError)) return cause
  const name = cause.code === 'Expired' ? 'ExpiredToken' : 'InvalidToken'
  const what = advice === undefined ? cause.message : `${cause.message}; ${advice}`
  const isShort = cause.code === 'Expired' && advice === undefined
  const refused = error(name, isShort ? what : `${what}. ${docsLink(TOPICS[cause.code])}`)
  refused.cause = cause
  return refused
}
