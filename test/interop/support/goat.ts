// Moves an account the way that goat does (`goat account migrate`, and its separate steps), with @atproto/api alone.
// Each step is its own function, so that a test can stop between two of them, break something, and go on.
import { AtpAgent } from '@atproto/api'

export interface GoatSource {
  readonly url: string
  readonly identifier: string
  readonly password: string
}
export interface GoatTarget {
  readonly url: string
  readonly handle: string
  readonly email: string
  readonly password: string
  readonly inviteCode?: string
}
export interface GoatMove {
  readonly source: GoatSource
  readonly target: GoatTarget
  /** Asked for after requestPlcOperationSignature: what arrived by e-mail, or what `pds migrate-token` printed. */
  plcToken(did: string): string | Promise<string>
  /** What uploads are called. goat itself calls each of them any type; by default it is the type that the source says. */
  readonly uploadType?: '*/*'
}

/** A move under way: signed in on both sides. */
export interface Moving {
  readonly did: string
  readonly source: AtpAgent
  readonly target: AtpAgent
}
export interface CopiedBlobs {
  readonly cids: string[]
  readonly bytes: number
  readonly pages: number
}
export interface Moved extends Moving {
  readonly carBytes: number
  readonly blobs: CopiedBlobs
  readonly ms: Readonly<Record<'begin' | 'repo' | 'blobs' | 'preferences' | 'identity' | 'finish', number>>
}

/** The whole move, in goat's order. */
export async function moveLikeGoat(move: GoatMove): Promise<Moved> {
  const ms = { begin: 0, repo: 0, blobs: 0, preferences: 0, identity: 0, finish: 0 }
  const timed = async <T>(step: keyof typeof ms, work: () => Promise<T>) => {
    const start = performance.now()
    const result = await work()
    ms[step] = Math.round(performance.now() - start)
    return result
  }
  const moving = await timed('begin', () => begin(move))
  const carBytes = await timed('repo', () => copyRepo(moving))
  const blobs = await timed('blobs', () => copyBlobs(moving, move.uploadType))
  await timed('preferences', () => copyPreferences(moving))
  await timed('identity', () => rotate(moving, move.plcToken))
  await timed('finish', () => finish(moving))
  return { ...moving, carBytes, blobs, ms }
}

/** createSession, describeServer, getServiceAuth, createAccount. The new account starts deactivated. */
export async function begin(move: Pick<GoatMove, 'source' | 'target'>): Promise<Moving> {
  const source = await signIn(move.source)
  const did = source.assertDid
  const target = new AtpAgent({ service: move.target.url })
  const { data: server } = await target.com.atproto.server.describeServer()
  const { data: auth } = await source.com.atproto.server.getServiceAuth({
    aud: server.did,
    lxm: 'com.atproto.server.createAccount',
    exp: Math.floor(Date.now() / 1000) + 60,
  })
  const { url: _, ...account } = move.target
  const { data: session } = await target.com.atproto.server.createAccount(
    { ...account, did },
    { headers: { authorization: `Bearer ${auth.token}` }, encoding: 'application/json' },
  )
  // Not `target.createAccount()`: the answer's didDoc still names the source, and the agent would follow it there.
  const { accessJwt, refreshJwt, handle } = session
  target.sessionManager.session = { accessJwt, refreshJwt, handle, did, active: false }
  return { did, source, target }
}

/** Signs in with a password, as goat does at the start and as other tools do again at each later step. */
export async function signIn({ url, identifier, password }: GoatSource): Promise<AtpAgent> {
  const agent = new AtpAgent({ service: url })
  await agent.login({ identifier, password })
  return agent
}

/** getRepo, importRepo. Gives the size of the CAR. */
export async function copyRepo({ did, source, target }: Moving): Promise<number> {
  const { data: car } = await source.com.atproto.sync.getRepo({ did })
  await target.com.atproto.repo.importRepo(car, { encoding: 'application/vnd.ipld.car' })
  return car.byteLength
}

/** listBlobs in pages of 100 until there is no cursor; getBlob and uploadBlob for each. */
export async function copyBlobs(moving: Moving, uploadType?: string): Promise<CopiedBlobs> {
  const { did, source } = moving
  const cids: string[] = []
  let bytes = 0
  let pages = 0
  let cursor: string | undefined
  do {
    const { data } = await source.com.atproto.sync.listBlobs({ did, limit: 100, cursor })
    for (const cid of data.cids) bytes += await copyBlob(moving, cid, uploadType)
    cids.push(...data.cids)
    cursor = data.cursor
    pages++
  } while (cursor !== undefined)
  return { cids, bytes, pages }
}

/** One blob, fetched raw: @atproto/api would decode text and JSON, and the hash would change. Gives its size. */
export async function copyBlob(
  { did, source, target }: Moving,
  cid: string,
  uploadType?: string,
): Promise<number> {
  const got = await fetch(url(source, 'com.atproto.sync.getBlob', { did, cid }), { headers: bearer(source) })
  if (!got.ok) throw new Error(`getBlob ${cid}: ${got.status} ${await got.text()}`)
  const type = got.headers.get('content-type')
  const length = got.headers.get('content-length')
  const body = new Uint8Array(await got.arrayBuffer())
  // The movers that stream from one side to the other cannot do without them. The reference compresses text and JSON
  // for a client that takes it, as fetch does, and then leaves the length out.
  if (type === null) throw new Error(`getBlob ${cid}: no content-type`)
  if (got.headers.get('content-encoding') === null && Number(length ?? -1) !== body.byteLength) {
    throw new Error(`getBlob ${cid}: ${body.byteLength} bytes, content-length ${length}`)
  }
  const put = await fetch(url(target, 'com.atproto.repo.uploadBlob'), {
    method: 'POST',
    headers: { ...bearer(target), 'content-type': uploadType ?? type },
    body,
  })
  if (!put.ok) throw new Error(`uploadBlob ${cid}: ${put.status} ${await put.text()}`)
  const { blob } = (await put.json()) as { blob: { ref: { $link: string } } }
  if (blob.ref.$link !== cid) throw new Error(`uploadBlob: ${cid} came out as ${blob.ref.$link}`)
  return body.byteLength
}

/** getPreferences, putPreferences. */
export async function copyPreferences({ source, target }: Moving): Promise<void> {
  const { data } = await source.app.bsky.actor.getPreferences()
  await target.app.bsky.actor.putPreferences(data)
}

/** requestPlcOperationSignature, getRecommendedDidCredentials, signPlcOperation, submitPlcOperation. */
export async function rotate(moving: Moving, plcToken: GoatMove['plcToken']): Promise<void> {
  await moving.source.com.atproto.identity.requestPlcOperationSignature()
  const { operation } = await signOperation(moving, await plcToken(moving.did))
  await moving.target.com.atproto.identity.submitPlcOperation({ operation })
}

/** Asks the source to sign what the target wants, and does not submit it. */
export async function signOperation({ source, target }: Moving, token: string) {
  const { data: credentials } = await target.com.atproto.identity.getRecommendedDidCredentials()
  const { data } = await source.com.atproto.identity.signPlcOperation({ token, ...credentials })
  return data
}

/** activateAccount on the target, deactivateAccount on the source. */
export async function finish({ source, target }: Moving): Promise<void> {
  await target.com.atproto.server.activateAccount()
  await source.com.atproto.server.deactivateAccount({})
}

function url(agent: AtpAgent, method: string, params: Record<string, string> = {}) {
  return `${agent.dispatchUrl.origin}/xrpc/${method}?${new URLSearchParams(params)}`
}

function bearer(agent: AtpAgent) {
  return { authorization: `Bearer ${agent.session?.accessJwt}` }
}
