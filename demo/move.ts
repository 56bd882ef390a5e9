import { type Client, connect, pages } from '../src/client/index.ts'

export interface NewAccount {
  readonly did: string
  readonly handle: string
  readonly email: string
  readonly password: string
}

/**
 * Creates the account on the target, inactive until its DID names the target. Gives the client that is signed in there.
 * This and the other steps of the move use only the published client and the token: a target PDS would run the same.
 */
export const createAccount = async (
  source: Client,
  targetUrl: string,
  account: NewAccount,
): Promise<Client> => {
  const target = connect(targetUrl)
  const { did: aud } = await target.com.atproto.server.describeServer()
  // The token itself never goes to the target, only this one, which is valid for 60 seconds and one method.
  const { token } = await source.com.atproto.server.getServiceAuth({
    aud,
    lxm: 'com.atproto.server.createAccount',
  })
  const session = await target.withToken(token).com.atproto.server.createAccount({ ...account })
  return target.withSession(session)
}

/** Streams the repository from one side to the other. Gives its size in bytes. */
export const moveRepo = async (source: Client, target: Client, did: string): Promise<number> => {
  let size = 0
  const { body } = await source.com.atproto.sync.getRepo({ did })
  const count = new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, out) => {
      size += chunk.byteLength
      out.enqueue(chunk)
    },
  })
  await target.com.atproto.repo.importRepo({
    encoding: 'application/vnd.ipld.car',
    body: body.pipeThrough(count),
  })
  return size
}

/** Copies each blob. The target answers with the hash of what it received. Gives the number of blobs and of bytes. */
export const moveBlobs = async (
  source: Client,
  target: Client,
  did: string,
): Promise<{ count: number; bytes: number }> => {
  let [count, bytes] = [0, 0]
  for await (const { cids } of pages((page) => source.com.atproto.sync.listBlobs({ did, ...page })))
    for (const cid of cids) {
      const { encoding, body, length = 0 } = await source.com.atproto.sync.getBlob({ did, cid })
      const { blob } = await target.com.atproto.repo.uploadBlob({ encoding, body, length })
      if (blob.ref.$link !== cid) throw new Error(`blob ${cid} arrived as ${blob.ref.$link}`)
      count++
      bytes += length
    }
  const { blobs: lost } = await target.com.atproto.repo.listMissingBlobs()
  if (lost.length > 0) throw new Error(`the target still misses ${lost.length} blobs`)
  return { count, bytes }
}

export const movePreferences = async (source: Client, target: Client): Promise<number> => {
  const { preferences } = await source.app.bsky.actor.getPreferences()
  await target.app.bsky.actor.putPreferences({ preferences })
  return preferences.length
}

/** The source signs the operation that the target asks for, and the target sends it to the directory. */
export const rotate = async (source: Client, target: Client, token: string): Promise<void> => {
  const credentials = await target.com.atproto.identity.getRecommendedDidCredentials()
  const { operation } = await source.com.atproto.identity.signPlcOperation({ ...credentials, token })
  await target.com.atproto.identity.submitPlcOperation({ operation })
  await target.com.atproto.server.activateAccount()
}
