import type { Client, Output as MethodOutput } from '../../client/index.ts'
import { CliError } from '../errors.ts'
import { orServerError } from './serverErrors.ts'

type ServerCredentials = MethodOutput<'com.atproto.identity.getRecommendedDidCredentials'>

/** What the server would have the DID document say: its keys, its handle, its address. */
export const serverCredentials = (server: Client): Promise<ServerCredentials> =>
  orServerError(server.com.atproto.identity.getRecommendedDidCredentials())

/** did:key of the key with which the server signs commits and tokens. */
export function signingKeyOf({ verificationMethods = {} }: ServerCredentials): string {
  const key: unknown = Object.entries(verificationMethods).find(([id]) => id === 'atproto')?.[1]
  if (typeof key === 'string') return key
  throw new CliError('not-cirrus', 'the server does not name its signing key')
}
