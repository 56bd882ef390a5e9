import { isPublicKey } from '../crypto/publicKey.ts'
import type { VerifiedLog } from './types.ts'
import { operationData } from './verifyLog.ts'

/**
 * The signing keys (`#atproto`) that valid operations of the log have named, the newest first. A repository that has
 * just come in, or whose server is gone, is signed with an earlier one. Those of nullified operations are left out.
 */
export const namedSigningKeys = ({ entries }: VerifiedLog): string[] => {
  const keys = entries
    .filter(({ nullified }) => !nullified)
    .map(({ operation }) => operationData(operation)?.verificationMethods['atproto'])
    .filter((key): key is string => key !== undefined && isPublicKey(key))
  return [...new Set(keys.toReversed())]
}
