import { type Client, XrpcError } from '../../client/index.ts'

/** An answer that says that the server will not do it, as opposed to one that it may give later. */
const isRefusal = ({ error, status }: XrpcError): boolean =>
  error === 'MethodNotImplemented' || (status >= 400 && status < 500 && status !== 429 && status !== 408)

/** A Cirrus has a method of its own to resume exports, and an error of its own for a commit that it does not have. */
const isCirrus = async (source: Client, did: string): Promise<boolean> => {
  const root = 'bafyreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'
  try {
    const { body } = await source.com.cirrus.admin.resumeRepo({ did, root, offset: 0 })
    await body.cancel()
    return true
  } catch (cause) {
    // Other servers answer in many ways: the reference passes what it does not know on to another service.
    if (!(cause instanceof XrpcError) || cause.error === 'NetworkError') throw cause
    return cause.error === 'SnapshotGone'
  }
}

/**
 * The rotation keys that the source recommends for accounts of its own; undefined if it does not say. A Cirrus
 * recommends its owner's recovery keys too, which are above its own, so of those only the last counts.
 */
export async function sourceRotationKeys(source: Client, did: string): Promise<string[] | undefined> {
  try {
    const { rotationKeys } = await source.com.atproto.identity.getRecommendedDidCredentials()
    if (!Array.isArray(rotationKeys)) return undefined
    return (await isCirrus(source, did)) ? rotationKeys.slice(-1) : rotationKeys
  } catch (cause) {
    if (cause instanceof XrpcError && isRefusal(cause)) return undefined
    throw cause
  }
}
