import { createDidResolver } from '../../../identity/didResolver.ts'
import { IdentityError } from '../../../identity/errors.ts'
import { outbound } from '../../../outbound.ts'
import { createDirectory } from '../../../plc/directory.ts'
import { type Run, Unclear } from '../../types.ts'

const isLoopback = (origin: string): boolean =>
  /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:|$)/.test(origin)

/**
 * The key that a DID names for its repository, as did:key: from the PLC directory or the host of a did:web. Rejects with
 * `Unclear` where it cannot be found: then nothing can be said about signatures.
 */
export async function signingKey(
  { deps, origin, plcUrl }: Pick<Run, 'deps' | 'origin' | 'plcUrl'>,
  did: string,
): Promise<string> {
  const dev = isLoopback(origin) || isLoopback(plcUrl)
  const send = outbound(
    { fetch: (input, init) => deps.fetch(new Request(input instanceof URL ? input.href : input, init)) },
    { dev },
  )
  try {
    const resolve = createDidResolver({ send, directory: createDirectory(send, plcUrl), dev })
    const { signingKey: key } = await resolve(did)
    if (key !== undefined) return key
  } catch (cause) {
    if (!(cause instanceof IdentityError)) throw cause
    const isForeign = did.startsWith('did:plc:') && isLoopback(origin) && !isLoopback(plcUrl)
    const hint = isForeign ? '; --plc names the directory that a server on this machine uses' : ''
    throw new Unclear(`the key of ${did} is not known: ${cause.message}${hint}`)
  }
  throw new Unclear(`the document of ${did} names no key for its repository`)
}
