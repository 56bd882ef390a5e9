import { createDidResolver } from '../../../identity/didResolver.ts'
import { IdentityError } from '../../../identity/errors.ts'
import { directoryHint, plcDirectory } from '../../plcDirectory.ts'
import { type Run, Unclear } from '../../types.ts'

/**
 * The key that a DID names for its repository, as did:key: from the PLC directory or the host of a did:web. Rejects with
 * `Unclear` where it cannot be found: then nothing can be said about signatures.
 */
export async function signingKey(run: Pick<Run, 'deps' | 'origin' | 'plcUrl'>, did: string): Promise<string> {
  try {
    const resolve = createDidResolver(plcDirectory(run))
    const { signingKey: key } = await resolve(did)
    if (key !== undefined) return key
  } catch (cause) {
    if (!(cause instanceof IdentityError)) throw cause
    throw new Unclear(`the key of ${did} is not known: ${cause.message}${directoryHint(run, did)}`)
  }
  throw new Unclear(`the document of ${did} names no key for its repository`)
}
