import { type Client, XrpcError } from '../../client/index.ts'
import { isObject } from '../../isObject.ts'
import type { MoverDeps } from '../moverDeps.ts'

/** A CID that no repository has. */
const NO_ROOT = 'bafyreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'

/**
 * Whether a server is a Cirrus, asked with the owner's credential: it has a method of its own to resume exports, and an
 * error of its own for a commit that it does not have. Other servers answer in many ways: the reference passes what it
 * does not know on to another service.
 */
export async function isCirrus(server: Client, did: string): Promise<boolean> {
  try {
    const { body } = await server.com.cirrus.admin.resumeRepo({ did, root: NO_ROOT, offset: 0 })
    await body.cancel()
    return true
  } catch (cause) {
    if (!(cause instanceof XrpcError) || cause.error === 'NetworkError') throw cause
    return cause.error === 'SnapshotGone'
  }
}

/**
 * The same without a credential: only a server that has this query says that it is not a procedure. The reference wants a
 * session for everything that it does not know.
 */
export async function isCirrusOrigin(origin: string, { fetch }: Pick<MoverDeps, 'fetch'>): Promise<boolean> {
  try {
    const answer = await fetch(`${origin}/xrpc/com.cirrus.admin.getStatus`, {
      method: 'POST',
      redirect: 'manual',
    })
    const body: unknown = await answer.json()
    return answer.status === 400 && isObject(body) && body['error'] === 'InvalidRequest'
  } catch {
    return false
  }
}
