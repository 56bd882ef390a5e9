import { IdentityError } from '../../identity/errors.ts'
import type { Handler } from '../context.ts'

export const resolveHandle: Handler<'com.atproto.identity.resolveHandle'> = async ({
  identity,
  params,
  error,
}) => {
  try {
    return { did: await identity.resolveHandle(params.handle) }
  } catch (cause) {
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
