import type { Config } from '../config.ts'
import { VERSION } from '../version.ts'

/** What a person sees who opens the server's address in a browser. */
export const frontPage = (
  { did, origin }: Pick<Config, 'did' | 'origin'>,
  handle: string,
): string => `Cirrus ${VERSION}

This is an AT Protocol Personal Data Server (PDS) for one account:

  ${handle}
  ${did}

Its owner signs in here, and sees which apps have access:

  ${origin}/account

There is nothing else to browse. Applications speak XRPC with it, e.g.

  ${origin}/xrpc/com.atproto.server.describeServer
  ${origin}/xrpc/com.atproto.repo.describeRepo?repo=${did}
`
