import { PlcError } from '../../plc/errors.ts'
import { error } from '../../xrpc/errors.ts'
import { docsLink } from '../../docsLink.ts'

/**
 * Why an operation is not built, as an XRPC error: because of what the client asked for, or because of the key that
 * this server has. Anything else is returned as it is.
 */
export const plcRequestError = (cause: unknown): unknown => {
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
