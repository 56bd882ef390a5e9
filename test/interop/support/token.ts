// Moves an account with a migration token, as a target PDS or its tool would that knows nothing of Cirrus but the
// guide: plain fetch, no client. Each step is its own function: a test can stop, break something, and go on.

export interface TokenMove {
  readonly sourceUrl: string
  /** What `pds migrate-token --target <target>` printed. */
  readonly token: string
  readonly did: string
  readonly target: {
    readonly url: string
    readonly handle: string
    readonly email: string
    readonly password: string
    readonly inviteCode?: string
  }
  /** createAccount takes a 60-second token that getServiceAuth gives for ours, or ours itself. */
  readonly createWith?: 'service-auth' | 'migration-token'
  /** The `token` of signPlcOperation, where it is not the Bearer: a reference PDS as the source. */
  readonly plcToken?: string
  /** Authorization of the last call, deactivateAccount on the source: `basic(adminPassword)`. Left out: not called. */
  readonly deactivateWith?: string
}

/** A move under way. To go on with a fresh token: `{ ...moving, source: bearer(fresh) }`. */
export interface TokenMoving {
  readonly did: string
  readonly sourceUrl: string
  readonly targetUrl: string
  /** Authorization headers. */
  readonly source: string
  readonly target: string
}

export interface TokenMoved extends TokenMoving {
  readonly carBytes: number
  readonly blobs: readonly string[]
  readonly operation: unknown
}

/** An error answer, with the name that its lexicon gives it. */
export class Refused extends Error {
  readonly method: string
  readonly status: number
  readonly error: string
  constructor(method: string, status: number, error: string, message: string) {
    super(`${method}: ${status} ${error}: ${message}`)
    this.method = method
    this.status = status
    this.error = error
  }
}

export const bearer = (token: string) => `Bearer ${token}`
export const basic = (password: string) => `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`

/** The whole move. */
export async function moveWithToken(move: TokenMove): Promise<TokenMoved> {
  const moving = await beginWithToken(move)
  const carBytes = await copyRepo(moving)
  const blobs = await copyMissingBlobs(moving)
  await copyPreferences(moving)
  const operation = await signOperation(moving, move.plcToken ?? move.token)
  await submitOperation(moving, operation)
  await activate(moving)
  if (move.deactivateWith !== undefined) await deactivate(moving, move.deactivateWith)
  return { ...moving, carBytes, blobs, operation }
}

/** describeServer and createAccount on the target, with getServiceAuth on the source before it. */
export async function beginWithToken(move: TokenMove): Promise<TokenMoving> {
  const { did, sourceUrl, token } = move
  const { url: targetUrl, ...account } = move.target
  const source = bearer(token)
  const createAuth = move.createWith === 'migration-token' ? source : bearer(await exchange(move))
  const session = await procedure(targetUrl, 'com.atproto.server.createAccount', createAuth, {
    did,
    ...account,
  })
  return { did, sourceUrl, targetUrl, source, target: bearer(text(session, 'accessJwt')) }
}

/** The createAccount token of 60 seconds, so that the whole token never leaves for the target. */
export async function exchange({ sourceUrl, token, target }: TokenMove): Promise<string> {
  const aud = text(await query(target.url, 'com.atproto.server.describeServer'), 'did')
  const lxm = 'com.atproto.server.createAccount'
  return text(
    await query(sourceUrl, 'com.atproto.server.getServiceAuth', bearer(token), { aud, lxm }),
    'token',
  )
}

/** getRepo piped into importRepo, not collected. Gives the bytes that passed. */
export async function copyRepo({ did, sourceUrl, targetUrl, source, target }: TokenMoving): Promise<number> {
  const repo = await call(sourceUrl, 'com.atproto.sync.getRepo', source, { params: { did } })
  let bytes = 0
  const count = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, out) {
      bytes += chunk.byteLength
      out.enqueue(chunk)
    },
  })
  const body = repo.body?.pipeThrough(count)
  const type = 'application/vnd.ipld.car'
  await (await call(targetUrl, 'com.atproto.repo.importRepo', target, { body, type })).body?.cancel()
  return bytes
}

/** listBlobs, then getBlob and uploadBlob for those that the target says it misses: may be called again. */
export async function copyMissingBlobs(moving: TokenMoving): Promise<string[]> {
  const { did, sourceUrl, targetUrl, source, target } = moving
  const missing = new Set<string>()
  for await (const page of pages(targetUrl, 'com.atproto.repo.listMissingBlobs', target)) {
    for (const blob of list(page, 'blobs')) missing.add(text(blob, 'cid'))
  }
  const copied: string[] = []
  for await (const page of pages(sourceUrl, 'com.atproto.sync.listBlobs', source, { did })) {
    for (const cid of list(page, 'cids')
      .map(String)
      .filter((listed) => missing.has(listed))) {
      const blob = await call(sourceUrl, 'com.atproto.sync.getBlob', source, { params: { did, cid } })
      const type = blob.headers.get('content-type') ?? 'application/octet-stream'
      const body = new Uint8Array(await blob.arrayBuffer())
      const put = await call(targetUrl, 'com.atproto.repo.uploadBlob', target, { body, type })
      const stored = text(at(at(await put.json(), 'blob'), 'ref'), '$link')
      if (stored !== cid) throw new Error(`blob ${cid} came out as ${stored}`)
      copied.push(cid)
    }
  }
  return copied
}

/** getPreferences, putPreferences. */
export async function copyPreferences({ sourceUrl, targetUrl, source, target }: TokenMoving): Promise<void> {
  const preferences = await query(sourceUrl, 'app.bsky.actor.getPreferences', source)
  await procedure(targetUrl, 'app.bsky.actor.putPreferences', target, preferences)
}

/** getRecommendedDidCredentials on the target, signPlcOperation on the source. Nothing is submitted. */
export async function signOperation(moving: TokenMoving, token: string): Promise<unknown> {
  const method = 'com.atproto.identity.getRecommendedDidCredentials'
  const credentials = await query(moving.targetUrl, method, moving.target)
  return signCredentials(moving, token, credentials)
}

/** signPlcOperation for any credentials, also for those that a thief would ask for. */
export async function signCredentials(
  { sourceUrl, source }: Pick<TokenMoving, 'sourceUrl' | 'source'>,
  token: string,
  credentials: object,
): Promise<unknown> {
  const body = { token, ...credentials }
  return at(await procedure(sourceUrl, 'com.atproto.identity.signPlcOperation', source, body), 'operation')
}

export async function submitOperation({ targetUrl, target }: TokenMoving, operation: unknown): Promise<void> {
  await procedure(targetUrl, 'com.atproto.identity.submitPlcOperation', target, { operation })
}

export async function activate({ targetUrl, target }: TokenMoving): Promise<void> {
  await procedure(targetUrl, 'com.atproto.server.activateAccount', target)
}

export async function deactivate({ sourceUrl }: TokenMoving, authorization: string): Promise<void> {
  await procedure(sourceUrl, 'com.atproto.server.deactivateAccount', authorization, {})
}

type Params = Readonly<Record<string, string>>
interface Call {
  readonly params?: Params
  readonly body?: BodyInit
  readonly type?: string
  readonly post?: boolean
}

/** One call, POST if it has a body or says so; an error answer is thrown as `Refused`. */
export async function call(
  host: string,
  method: string,
  authorization?: string,
  { params = {}, body, type, post = body !== undefined }: Call = {},
): Promise<Response> {
  const headers: Record<string, string> = {}
  if (authorization !== undefined) headers['authorization'] = authorization
  if (type !== undefined) headers['content-type'] = type
  const response = await fetch(`${host}/xrpc/${method}?${new URLSearchParams(params)}`, {
    method: post ? 'POST' : 'GET',
    headers,
    body,
    ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
  })
  if (response.ok) return response
  const answer = await response.text()
  let error = ''
  let message = answer
  try {
    const parsed: unknown = JSON.parse(answer)
    error = String(at(parsed, 'error'))
    message = String(at(parsed, 'message'))
  } catch {
    // Not XRPC: a proxy's page, or nothing.
  }
  throw new Refused(method, response.status, error, message)
}

export async function query(
  host: string,
  method: string,
  authorization?: string,
  params?: Params,
): Promise<object> {
  return object(await (await call(host, method, authorization, { params })).json())
}

export async function procedure(
  host: string,
  method: string,
  authorization: string,
  input?: object,
): Promise<object> {
  const body =
    input === undefined ? { post: true } : { body: JSON.stringify(input), type: 'application/json' }
  const answer = await (await call(host, method, authorization, body)).text()
  return answer === '' ? {} : object(JSON.parse(answer))
}

/** The pages of a list. */
export async function* pages(host: string, method: string, authorization: string, params: Params = {}) {
  let cursor: unknown
  do {
    const page = await query(
      host,
      method,
      authorization,
      cursor === undefined ? params : { ...params, cursor: String(cursor) },
    )
    yield page
    cursor = at(page, 'cursor')
  } while (cursor !== undefined)
}

function object(value: unknown): object {
  if (typeof value !== 'object' || value === null) throw new Error(`not an object: ${JSON.stringify(value)}`)
  return value
}

const at = (value: unknown, key: string): unknown => new Map(Object.entries(object(value))).get(key)

function text(value: unknown, key: string): string {
  const found = at(value, key)
  if (typeof found !== 'string') throw new Error(`no ${key} in the answer`)
  return found
}

function list(value: unknown, key: string): unknown[] {
  const found = at(value, key)
  if (!Array.isArray(found)) throw new Error(`no list ${key} in the answer`)
  return found
}
