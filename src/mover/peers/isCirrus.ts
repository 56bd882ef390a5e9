import { type Client, XrpcError } from '../../client/index.ts'

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
