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

/** Why a token does not verify, as an XRPC error that may add what to do, with the reason as its cause. Anything else is returned as it is. */
export const tokenError = (cause: unknown, advice?: string): unknown => {
  if (!(cause instanceof TokenError)) return cause
  const name = cause.code === 'Expired' ? 'ExpiredToken' : 'InvalidToken'
  const what = advice === undefined ? cause.message : `${cause.message}; ${advice}`
  const refused = error(name, `${what}. ${docsLink(TOPICS[cause.code])}`)
  refused.cause = cause
  return refused
}
