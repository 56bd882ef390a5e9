import type { Handler } from '../context.ts'

/**
 * Does nothing. Migration tools ask with it for a code by e-mail; here the token comes from `pds migrate-token`, so
 * there is nothing to send.
 */
export const requestPlcOperationSignature: Handler<
  'com.atproto.identity.requestPlcOperationSignature'
> = () => {}
