import type { Call } from './call.ts'
import { required } from './parameters.ts'
import type { ClientCredentials } from './clients/types.ts'

/** What a call says of its client. `dpopJkt` is the key of its proof. */
export const clientCredentials = (
  { params, network }: Pick<Call, 'params' | 'network'>,
  dpopJkt: string | undefined,
): ClientCredentials => ({
  clientId: required(params, 'client_id'),
  assertionType: params.get('client_assertion_type'),
  assertion: params.get('client_assertion'),
  dpopJkt,
  network,
})
