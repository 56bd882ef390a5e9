import type { createDpopClient } from '../../../account/oauth/support/dpopClient.ts'
import type { Server } from '../support/world.ts'

/** What a request may need to know of the server that it is sent to. */
export interface Context {
  server: Server
  /** Its origin, as it calls itself. */
  url: string
  /** `fetch` that finds it by its public name. */
  fetch: typeof globalThis.fetch
  /** The nonce that it gave last. */
  nonce: string
  /** Where clients publish their documents. */
  clientOrigin: string
  /** Publishes a document at a path of that origin, and returns its address. */
  publish(path: string, document: object): string
  /** The key of the client. */
  key: Awaited<ReturnType<typeof createDpopClient>>
}

/** A request that both servers are sent. */
export interface Asked {
  /** The kind, a colon, and what is particular about it. */
  kind: string
  method: string
  path: string
  headers: Record<string, string>
  body?: string
}

export type Ask = (context: Context) => Asked | Promise<Asked>

const FORM = 'application/x-www-form-urlencoded'

export interface PostOptions {
  /** A proof in place of a good one; undefined for none. */
  proof?: string | undefined
  headers?: Record<string, string>
}

/** A POST of parameters as a form, with a good proof. Members that are undefined are left out. */
export const post = async (
  context: Context,
  kind: string,
  path: string,
  params: Record<string, string | undefined>,
  options: PostOptions = {},
): Promise<Asked> => {
  const body = new URLSearchParams()
  for (const [name, value] of Object.entries(params)) if (value !== undefined) body.append(name, value)
  const proof = 'proof' in options ? options.proof : await goodProof(context, path)
  return {
    kind,
    method: 'POST',
    path,
    headers: { 'content-type': FORM, ...(proof !== undefined && { dpop: proof }), ...options.headers },
    body: String(body),
  }
}

export const goodProof = ({ key, nonce, url }: Context, path: string): Promise<string> =>
  key.proof({ htu: `${url}${path}`, nonce })
