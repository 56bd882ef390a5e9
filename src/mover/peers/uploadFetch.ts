import type { Fetch } from '../../client/index.ts'

const isUpload = (body: unknown): boolean => body instanceof ReadableStream || body instanceof Blob

/** How Node's fetch says that it was redirected where it must not be. */
const wasRedirected = (cause: unknown): boolean =>
  cause instanceof Error && cause.cause instanceof Error && cause.cause.message === 'unexpected redirect'

/**
 * Sends streams and files without keeping them. Node's fetch keeps a copy of what it has sent, in case that it is to send
 * it again after a redirect: a blob of 20 MB stayed in memory as a whole until it had arrived. It makes no copy where a
 * redirect is an error; that one is told as an answer, as every other request of the mover gets it.
 */
export const uploadFetch =
  (fetch: Fetch): Fetch =>
  async (url, init) => {
    if (!isUpload(init.body)) return fetch(url, init)
    try {
      // No type has `window`, by which fetch asks whether it may have to send the body again.
      const once: RequestInit & { window: null } = { ...init, redirect: 'error', window: null }
      return await fetch(url, once)
    } catch (cause) {
      if (wasRedirected(cause)) return new Response(null, { status: 307 })
      throw cause
    }
  }
