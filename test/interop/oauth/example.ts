import { once } from 'node:events'
import { createServer } from 'node:http'
import { Agent } from '@atproto/api'
import {
  buildAtprotoLoopbackClientMetadata,
  NodeOAuthClient,
  type NodeOAuthClientOptions,
  requestLocalLock,
} from '@atproto/oauth-client-node'

/** Signs the owner of an account in, and posts. `open` shows them an address, in their own browser. */
export async function signInAndPost(
  handle: string,
  text: string,
  open: (url: URL) => void,
  settings: Omit<NodeOAuthClientOptions, 'clientMetadata'>, // its stores: where states and sessions are kept
) {
  const callback = createServer().listen(0, '127.0.0.1')
  await once(callback, 'listening')
  const address = callback.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const collection = 'app.bsky.feed.post'
  const client = new NodeOAuthClient({
    clientMetadata: buildAtprotoLoopbackClientMetadata({
      scope: `atproto repo:${collection}?action=create`,
      redirect_uris: [`http://127.0.0.1:${port}/callback`],
    }),
    requestLock: requestLocalLock,
    ...settings,
  })
  open(await client.authorize(handle))
  const [request, response] = await once(callback, 'request')
  response.end('You can close this page.')
  callback.close()
  const { session } = await client.callback(new URL(request.url, 'http://127.0.0.1').searchParams)
  const record = { $type: collection, text, createdAt: new Date().toISOString() }
  const { repo } = new Agent(session).com.atproto
  const { data } = await repo.createRecord({ repo: session.did, collection, record })
  return { uri: data.uri, session } // later: client.restore(session.did), and session.signOut()
}
