import { type Curve, loadRecoveryPrivateKey } from '../crypto/recoveryKey.ts'
import type { Secret } from '../crypto/secret.ts'
import { type RotationKey, rotationKeyOf } from './keys.ts'

/** Loads the owner's recovery key, of either curve; its bytes stay in `crypto/`. */
export const loadRecoveryKey = async (secret: Secret, curve?: Curve): Promise<RotationKey> =>
  rotationKeyOf(await loadRecoveryPrivateKey(secret, curve))
