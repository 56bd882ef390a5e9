/** Failures of the network's directories, as the caller is told of them. */
import { IdentityError } from '../../identity/errors.ts'
import { DirectoryError } from '../../plc/directory.ts'
import { PlcError } from '../../plc/errors.ts'
import { error } from '../../xrpc/errors.ts'
import { docsLink } from '../../docsLink.ts'
import type { IdentityWatch, Observation } from './identityWatch.ts'

/** Slow or failing is `UpstreamFailure`, and worth another try; what the directory says for sure is not. */
export const upstream = (cause: unknown): unknown => {
  if (cause instanceof DirectoryError) {
    if (cause.code === 'Unavailable' || cause.code === 'BadAnswer')
      return error(
        'UpstreamFailure',
        `${cause.message}. Nothing has changed. ${docsLink('directory-unavailable')}`,
      )
    return error('InvalidRequest', cause.message)
  }
  if (cause instanceof IdentityError) {
    if (cause.code === 'Unavailable' || cause.code === 'BadAnswer')
      return error(
        'UpstreamFailure',
        `${cause.message}. Nothing has changed. ${docsLink('directory-unavailable')}`,
      )
    return error('InvalidRequest', cause.message)
  }
  return cause
}

/** What the DID says now, for what must not be done without it. */
export const lookUp = async (watch: Pick<IdentityWatch, 'observe'>): Promise<Observation> => {
  try {
    return await watch.observe()
  } catch (cause) {
    throw upstream(cause)
  }
}

/** An operation that is not built: what the caller asked for is at fault, or the key that we have. */
export const plcRefused = (cause: unknown): unknown => {
  if (!(cause instanceof PlcError)) return cause
  switch (cause.code) {
    case 'WrongEndpoint':
      return error(
        'InvalidToken',
        `${cause.message}; mint a token for that PDS with \`pds migrate-token --target <url>\`. ${docsLink('token-wrong-audience')}`,
      )
    case 'KeyNotCurrent':
      return error(
        'InvalidRequest',
        `${cause.message}; only the holder of one of those keys can change this DID. ${docsLink('rotation-key')}`,
      )
    default:
      return error('InvalidRequest', cause.message)
  }
}
