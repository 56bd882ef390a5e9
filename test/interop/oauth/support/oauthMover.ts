// Moves an account as PDS MOover does it: signed in to the source by OAuth alone, with the scopes that it asks for.
import { Agent, AtpAgent } from '@atproto/api'
import type { OAuthSession } from '@atproto/oauth-client-node'

/** What it asks the source for. */
export const MOVE_SCOPE =
  'atproto account:email rpc:com.atproto.server.createAccount?aud=* rpc:app.bsky.actor.getPreferences?aud=did:web:api.bsky.app#bsky_appview identity:* account:status?action=manage'

/** What it asks for to copy blobs that are missing after a move. */
export const RESCUE_SCOPE = 'atproto blob:*/*'

export interface OAuthMove {
  readonly source: OAuthSession
  readonly target: {
    readonly url: string
    readonly handle: string
    readonly email: string
    readonly password: string
  }
  /** What the owner pastes after the source was asked for a code. */
  plcToken(): Promise<string>
  /** The blobs that are lost on the way: these are not copied. */
  isLost(cid: string): boolean
}

/** Moves everything but the lost blobs, until the account lives on the target. Gives the target's session. */
export async function moveByOAuth({ source, target, plcToken, isLost }: OAuthMove): Promise<AtpAgent> {
  const old = new Agent(source)
  const { did } = source
  const fresh = new AtpAgent({ service: target.url })
  const { data: server } = await fresh.com.atproto.server.describeServer()
  const lxm = 'com.atproto.server.createAccount'
  const { data: auth } = await old.com.atproto.server.getServiceAuth({ aud: server.did, lxm })
  const { url: _, ...account } = target
  const { data: session } = await fresh.com.atproto.server.createAccount(
    { ...account, did },
    { headers: { authorization: `Bearer ${auth.token}` }, encoding: 'application/json' },
  )
  // Not `createAccount()` of the agent, which would follow the DID document to the source.
  const { accessJwt, refreshJwt, handle } = session
  fresh.sessionManager.session = { accessJwt, refreshJwt, handle, did, active: false }

  const { data: car } = await old.com.atproto.sync.getRepo({ did })
  await fresh.com.atproto.repo.importRepo(car, { encoding: 'application/vnd.ipld.car' })
  await copyMissingBlobs(source, new Agent(fresh.sessionManager), isLost)
  const { data: preferences } = await old.app.bsky.actor.getPreferences()
  await fresh.app.bsky.actor.putPreferences(preferences)

  await old.com.atproto.identity.requestPlcOperationSignature()
  const { data: credentials } = await fresh.com.atproto.identity.getRecommendedDidCredentials()
  const token = await plcToken()
  const { data: signed } = await old.com.atproto.identity.signPlcOperation({ token, ...credentials })
  await fresh.com.atproto.identity.submitPlcOperation({ operation: signed.operation })
  await fresh.com.atproto.server.activateAccount()
  return fresh
}

/** The last step of a move. */
export async function leave(source: OAuthSession): Promise<void> {
  await new Agent(source).com.atproto.server.deactivateAccount({})
}

/** Copies what the target says that it misses. Gives the CIDs. */
export async function copyMissingBlobs(
  source: OAuthSession,
  target: Agent,
  isLost: (cid: string) => boolean = () => false,
): Promise<string[]> {
  const copied: string[] = []
  let cursor: string | undefined
  do {
    const { data } = await target.com.atproto.repo.listMissingBlobs({ limit: 100, cursor })
    for (const { cid } of data.blobs) {
      if (isLost(cid)) continue
      const query = new URLSearchParams({ did: source.did, cid })
      const got = await source.fetchHandler(`/xrpc/com.atproto.sync.getBlob?${query}`)
      if (!got.ok) throw new Error(`getBlob: ${got.status} ${await got.text()}`)
      const encoding = got.headers.get('content-type') ?? 'application/octet-stream'
      const bytes = new Uint8Array(await got.arrayBuffer())
      const { data: put } = await target.com.atproto.repo.uploadBlob(bytes, { encoding })
      if (put.blob.ref.toString() !== cid) throw new Error(`${cid} came out as ${put.blob.ref}`)
      copied.push(cid)
    }
    cursor = data.cursor
  } while (cursor !== undefined)
  return copied
}
