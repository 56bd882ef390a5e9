import type { Handler } from '../context.ts'

/** Movers ask for a letter with a code; here the token comes from `pds migrate-token`, so there is nothing to send. */
export const requestPlcOperationSignature: Handler<
  'com.atproto.identity.requestPlcOperationSignature'
> = () => {}
