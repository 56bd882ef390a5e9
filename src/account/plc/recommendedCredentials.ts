import { PDS_ID, PDS_TYPE } from '../../plc/build.ts'
import type { PlcDeps } from './plcDeps.ts'
import { isPlc } from './requirePlc.ts'

/** What an account that moves to this server should put into its DID document: getRecommendedDidCredentials. */
export const recommendedCredentials = (deps: PlcDeps) => {
  const { did, handle, origin, rotationKey, recoveryKeys, signingKey } = deps
  return {
    ...(isPlc(did) && { rotationKeys: [...new Set([...recoveryKeys, rotationKey.did])] }),
    alsoKnownAs: [`at://${handle()}`],
    verificationMethods: { atproto: signingKey.did },
    services: { [PDS_ID]: { type: PDS_TYPE, endpoint: origin } },
  }
}
