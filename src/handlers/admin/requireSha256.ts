import { error } from '../../xrpc/errors.ts'

/** Throws unless it is a hash as `sha256sum` prints it. */
export const requireSha256 = (sha256: string): void => {
  if (!/^[0-9a-f]{64}$/.test(sha256))
    throw error(
      'InvalidRequest',
      `sha256: expected 64 digits of lower-case hex, got ${JSON.stringify(sha256.slice(0, 100))}`,
    )
}
