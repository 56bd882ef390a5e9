import type { FakeWorld, FakeWorldOptions } from '../fakeWorld.ts'
import { refusal } from '../network.ts'
import type { CallHook, FakeCall, FakePds } from '../types.ts'

/** What is wrong with a server, as data. */
export interface Fault {
  readonly name: string
  readonly side: 'source' | 'target' | 'directory'
  /** For the world that it happens in. */
  readonly options?: FakeWorldOptions
  /** Makes it happen in a world. `pick` chooses a number below n. */
  apply?(world: FakeWorld, pick: (n: number) => number): void | Promise<void>
}

export const GET_BLOB = 'com.atproto.sync.getBlob'
export const GET_REPO = 'com.atproto.sync.getRepo'
export const LATEST = 'com.atproto.sync.getLatestCommit'
export const IMPORT = 'com.atproto.repo.importRepo'
export const UPLOAD = 'com.atproto.repo.uploadBlob'
export const MISSING = 'com.atproto.repo.listMissingBlobs'
export const STATUS = 'com.atproto.server.checkAccountStatus'
export const GET_PREFERENCES = 'app.bsky.actor.getPreferences'
export const PUT_PREFERENCES = 'app.bsky.actor.putPreferences'
export const SIGN = 'com.atproto.identity.signPlcOperation'
export const RECOMMENDED = 'com.atproto.identity.getRecommendedDidCredentials'
export const CREATE = 'com.atproto.server.createAccount'

type Before = (call: FakeCall, n: number) => Response | undefined
type After = (call: FakeCall, answer: Response, n: number) => Response | Promise<Response>

/** Does something before calls of a method. `n` counts them from 1. */
export const before = (pds: FakePds, method: string, act: Before): void => {
  let n = 0
  pds.hooks.push({ before: (call) => (call.method === method ? act(call, ++n) : undefined) })
}

export const after = (pds: FakePds, method: string, act: After): void => {
  let n = 0
  const hook: CallHook['after'] = (call, answer) => (call.method === method ? act(call, answer, ++n) : answer)
  pds.hooks.push({ after: hook })
}

/** CID of one of the account's blobs. */
export const aBlob = ({ account }: FakeWorld, pick: (n: number) => number): string => {
  const cids = [...account.blobs.keys()].sort()
  return cids[pick(cids.length)] ?? ''
}

/** The body breaks off in the middle. */
export const broken = async (answer: Response): Promise<Response> => {
  const bytes = new Uint8Array(await answer.arrayBuffer())
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(bytes.slice(0, bytes.length >> 1)),
    pull: (controller) => controller.error(new TypeError('terminated')),
  })
  return new Response(body, { status: answer.status, headers: answer.headers })
}

export const limited = (seconds: number): Response =>
  refusal(429, 'RateLimitExceeded', 'Rate Limit Exceeded', { 'retry-after': String(seconds) })
