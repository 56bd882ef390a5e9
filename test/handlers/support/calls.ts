import { type Client, XrpcError } from '../../../src/client/index.ts'
import { Buffer } from 'node:buffer'
import { HANDLE, PASSWORD } from './world.ts'

/** The error of a call that must fail. */
export const failure = async (call: Promise<unknown>): Promise<XrpcError> => {
  const { error } = await call.then(
    () => ({ error: undefined }),
    (cause: unknown) => ({ error: cause }),
  )
  if (error === undefined) throw new Error('the call succeeded')
  if (!(error instanceof XrpcError)) throw error
  return error
}

/** A whole binary answer. */
export const bytesOf = async ({ body }: { body: ReadableStream<Uint8Array> }): Promise<Uint8Array> =>
  new Uint8Array(await new Response(body).arrayBuffer())

/** A post, created by this client. */
export const post = (client: Client, repo: string) =>
  client.com.atproto.repo.createRecord({
    repo,
    collection: 'app.bsky.feed.post',
    record: { $type: 'app.bsky.feed.post', text: 'hello', createdAt: '2026-11-22T00:00:00.000Z' },
  })

/** The object at a place in a token: 0 for the header, 1 for the claims. */
export const partOf = <T = Record<string, unknown>>(token: string, place: number): T =>
  JSON.parse(Buffer.from(token.split('.')[place] ?? '', 'base64url').toString())

/** What createSession answers to the account's own password, or to another. */
export const logIn = (client: Client, identifier: string = HANDLE, password: string = PASSWORD) =>
  client.com.atproto.server.createSession({ identifier, password })
