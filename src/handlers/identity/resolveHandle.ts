import { docsLink } from '../../docsLink.ts'
import { IdentityError } from '../../identity/errors.ts'
import { TooManyLookupsError } from '../../identity/sharedLookups.ts'
import type { Handler } from '../context.ts'

export const resolveHandle: Handler<'com.atproto.identity.resolveHandle'> = async ({
  identity,
  params,
  network,
  error,
}) => {
  try {
    return { did: await identity.resolveHandle(params.handle, network) }
  } catch (cause) {
    if (cause instanceof TooManyLookupsError)
      throw error('RateLimitExceeded', `${cause.message}. ${docsLink('rate-limit')}`, {
        'retry-after': String(cause.retryAfterSeconds),
      })
    if (!(cause instanceof IdentityError)) throw cause
    switch (cause.code) {
      case 'BadInput':
        throw error('InvalidRequest', cause.message)
      case 'Unavailable':
        throw error('UpstreamFailure', `${cause.message}; try again`)
      case 'NotFound':
      case 'BadAnswer':
        throw error('HandleNotFound', cause.message)
    }
  }
}
