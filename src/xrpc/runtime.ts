import type { MethodId } from '../generated/methods.ts'
import { type BodyLimits, type BodyTimes, readBody } from './body.ts'
import { discard } from './discard.ts'
import type { Timer } from './deadline.ts'
import { readConditions } from './conditions.ts'
import { error, XrpcError } from './errors.ts'
import { type CheckOutput, encodeError, encodeOutput, type Report } from './output.ts'
import { readParams } from './params.ts'
import { clientOf } from './client.ts'
import { callerNetwork } from '../network.ts'
import { refuseSubscription } from './subscription.ts'
import type { Granted, Runtime, Upgraded } from './types.ts'

/**
 * A path that ends in a method's name, as the reference reads it: whether it is an NSID is not checked, so that the
 * answer stays 501.
 */
const METHOD_PATH = /^\/xrpc\/((?=..)[a-z0-9]+(?:[.-][a-z0-9]+)*)\/?$/i

export interface RuntimeOptions<Context, Auth> {
  /** Says who is calling, or throws if they may not. Runs after the params are read and before the body is. */
  authorize(id: MethodId, request: Request, context: Context): Promise<Granted<Auth>>
  /** Calls `ring` after so many milliseconds, unless the function that it returns is called before. */
  timer(context: Context): Timer
  /** Answers a method that runs in the other tier. Absent: there is no other tier. */
  forward?: (request: Request, context: Context, id: MethodId) => Promise<Response>
  /** Answers a method that is not served. Absent: that is 501. */
  unserved?: (method: string, request: Request, context: Context) => Promise<Response>
  /** Opens a WebSocket for a subscription, whose handler accepts it. Absent: no subscription runs here. */
  upgrade?: (context: Context) => Upgraded
  limits: BodyLimits
  times: BodyTimes
  /** Checks every answer by its lexicon: in tests and development. Absent: no answer is checked. */
  checkOutput?: CheckOutput
  /** A new id for an internal error. */
  newId(): string
  report: Report
}

/**
 * What runs behind every generated route: verb, params, credentials, body, handler, answer. A handler is called with
 * `{ ...context, auth, params, input, … }`; its type is checked where the handlers are listed
 * (src/handlers/index.ts), so here it is any function.
 */
export function createRuntime<Context extends object, Auth>(
  options: RuntimeOptions<Context, Auth>,
): Runtime<Context> {
  const failed = (cause: unknown, id?: MethodId): Response =>
    encodeError(cause, options.newId, options.report, id)

  const makeError = (name: string, message: string, headers?: Record<string, string>) =>
    new XrpcError(name, message, headers)

  const route =
    (id: MethodId, verbs: string[], handler: ((call: never) => unknown) | undefined) =>
    async (request: Request, context: Context): Promise<Response> => {
      let input: unknown
      const { limits, times } = options
      const timer = options.timer(context)
      try {
        if (!verbs.includes(request.method))
          throw error('InvalidRequest', `Incorrect HTTP method (${request.method}) expected ${verbs[0]}`)
        if (!handler) {
          if (!options.forward) throw error('MethodNotImplemented', `${id} does not run here`)
          return await options.forward(request, context, id)
        }
        const url = new URL(request.url)
        const params = readParams(id, url.searchParams)
        const granted = await options.authorize(id, request, context)
        const { anonymous } = granted
        input = await readBody(id, request, { limits, times, timer, anonymous })
        granted.permit({ params, input })
        const call = {
          ...context,
          auth: granted.auth,
          params,
          input,
          conditions: readConditions(request.headers),
          origin: url.origin,
          network: callerNetwork(request.headers),
          client: clientOf(request.headers.get('user-agent')),
          error: makeError,
        }
        const response = encodeOutput(
          id,
          await granted.act(() => handler(call as never)),
          options.checkOutput,
        )
        if (request.method !== 'HEAD') return response
        await response.body?.cancel()
        return new Response(null, response)
      } catch (cause) {
        await discard(request, { times, timer }, input)
        const answer = failed(cause, id)
        return request.method === 'HEAD' ? new Response(null, answer) : answer
      }
    }

  /** A method that is not served, or a path that does not name one. */
  const unknown = async (request: Request, context: Context): Promise<Response> => {
    const method = METHOD_PATH.exec(new URL(request.url).pathname)?.[1]
    const answer = await answerUnknown(method, request, context).catch(failed)
    if (answer.status >= 400) await discard(request, { times: options.times, timer: options.timer(context) })
    return request.method === 'HEAD' ? new Response(null, answer) : answer
  }

  const answerUnknown = async (
    method: string | undefined,
    request: Request,
    context: Context,
  ): Promise<Response> => {
    if (method === undefined) throw error('InvalidRequest', 'The path is not /xrpc/ and the name of a method')
    if (!options.unserved) throw error('MethodNotImplemented', 'This server does not have that method')
    return await options.unserved(method, request, context)
  }

  const subscription =
    (id: MethodId, handler: ((call: never) => unknown) | undefined) =>
    async (request: Request, context: Context): Promise<Response> => {
      try {
        if (request.method !== 'GET')
          throw error('InvalidRequest', `Incorrect HTTP method (${request.method}) expected GET`)
        if (request.headers.get('upgrade')?.toLowerCase() !== 'websocket')
          throw error('InvalidRequest', `${id} is a subscription: connect to it with a WebSocket`, {
            upgrade: 'websocket',
          })
        if (!handler) {
          if (!options.forward) throw error('MethodNotImplemented', `${id} does not run here`)
          return await options.forward(request, context, id)
        }
        if (!options.upgrade) throw error('MethodNotImplemented', `${id} does not run here`)
        const { socket, response } = options.upgrade(context)
        try {
          const params = readParams(id, new URL(request.url).searchParams)
          const { auth, act } = await options.authorize(id, request, context)
          const network = callerNetwork(request.headers)
          await act(() => handler({ ...context, auth, params, socket, network, error: makeError } as never))
        } catch (cause) {
          // A browser cannot read the answer to a failed handshake: the error goes into a frame, as in the reference.
          await refuseSubscription(socket, failed(cause, id))
        }
        return response
      } catch (cause) {
        return failed(cause, id)
      }
    }

  return {
    query: (id, handler) => route(id, ['GET', 'HEAD'], handler),
    procedure: (id, handler) => route(id, ['POST'], handler),
    subscription,
    failed: (cause) => failed(cause),
    unknown,
  }
}
