import { IdentityError } from '../../identity/errors.ts'
import { DirectoryError } from '../../plc/directory.ts'
import { error } from '../../xrpc/errors.ts'
import { docsLink } from '../../docsLink.ts'

/**
 * A failure of the PLC directory or of another network lookup, as an XRPC error. If the service was slow or failed,
 * it is `UpstreamFailure`, and worth another try; if the service gave a definite answer, it is `InvalidRequest`.
 * Anything else is returned as it is.
 */
export const upstreamError = (cause: unknown): unknown => {
  if (!(cause instanceof DirectoryError || cause instanceof IdentityError)) return cause
  if (cause.code === 'Unavailable' || cause.code === 'BadAnswer')
    return error(
      'UpstreamFailure',
      `${cause.message}. Nothing has changed. ${docsLink('directory-unavailable')}`,
    )
  return error('InvalidRequest', cause.message)
}
