import type { Config } from './config.ts'
import { VERSION } from './version.ts'

/** What a person sees who opens the server's address in a browser. */
export const frontPage = ({ did, hostname }: Config, handle: string): string => `Cirrus ${VERSION}

This is an AT Protocol Personal Data Server (PDS) for one account:

  ${handle}
  ${did}

There is nothing to browse here. Applications speak XRPC with it, e.g.

  https://${hostname}/xrpc/com.atproto.server.describeServer
  https://${hostname}/xrpc/com.atproto.repo.describeRepo?repo=${did}
`
