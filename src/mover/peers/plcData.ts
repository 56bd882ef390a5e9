import type { Client } from '../../client/index.ts'
import { PlcError } from '../../plc/errors.ts'
import { parseServices, parseVerificationMethods } from '../../plc/parse.ts'
import type { PlcData } from '../../plc/types.ts'
import { MoverError } from '../moverError.ts'
import { ofTarget } from '../refusal.ts'

/** What a server recommends that the DID of its account says. */
export async function recommendedData(server: Client): Promise<PlcData> {
  const found = await ofTarget(server.com.atproto.identity.getRecommendedDidCredentials())
  try {
    return {
      rotationKeys: found.rotationKeys ?? [],
      alsoKnownAs: found.alsoKnownAs ?? [],
      verificationMethods: parseVerificationMethods(found.verificationMethods ?? {}),
      services: parseServices(found.services ?? {}),
    }
  } catch (cause) {
    if (!(cause instanceof PlcError)) throw cause
    throw new MoverError(
      'target-lies',
      `what ${server.origin} recommends for the DID cannot be used: ${cause.message}`,
    )
  }
}
