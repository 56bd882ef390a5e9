import { generateKey } from '../../../crypto/privateKey.ts'
import { PDS_ID, PDS_TYPE } from '../../../plc/build.ts'
import type { PlcData } from '../../../plc/types.ts'
import { loadRotationKey } from '../../../signing/keys.ts'
import type { Run } from '../../types.ts'

/** A server that is not there. */
const TARGET = 'https://target.example.com'

/**
 * What an operation is asked to set. A throw-away account leaves for a server that is not there, with keys that nobody
 * keeps; of another account nothing is changed, so that no signed operation exists that could.
 */
export async function wantedOperation(
  { deps: { random }, madeAccount }: Pick<Run, 'deps' | 'madeAccount'>,
  { rotationKeys, verificationMethods, alsoKnownAs, services }: PlcData,
): Promise<PlcData> {
  if (!madeAccount) return { rotationKeys, verificationMethods, alsoKnownAs, services }
  const key = async (): Promise<string> => (await loadRotationKey(await generateKey(random))).did
  return {
    rotationKeys: [await key()],
    verificationMethods: { atproto: await key() },
    alsoKnownAs,
    services: { [PDS_ID]: { type: PDS_TYPE, endpoint: TARGET } },
  }
}
