import type { Runtime } from './types.ts'

type Route<Context> = (request: Request, context: Context) => Promise<Response>

/**
 * Answers a request by the route of the method that its path names; slashes may follow. The routes are looked up by name:
 * a method that is not served would try the pattern of each one before it is forwarded.
 */
export const dispatch = <Context>(
  routes: ReadonlyMap<string, Route<Context>>,
  { failed, unknown }: Pick<Runtime<Context>, 'failed' | 'unknown'>,
): { fetch: Route<Context> } => ({
  fetch: async (request, context) => {
    try {
      const name = /^\/xrpc\/([^/]+)\/*$/.exec(new URL(request.url).pathname)?.[1] ?? ''
      return await (routes.get(name) ?? unknown)(request, context)
    } catch (cause) {
      return failed(cause)
    }
  },
})
