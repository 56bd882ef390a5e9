import { type Credential, takesRefreshToken, endsSoon } from './credential.ts'
import { XrpcError } from './errors.ts'
import { JSON_BODY, readResponse } from './readResponse.ts'
import { queryString, toPayload } from './request.ts'
import type { Fetch, Options, Transport } from './types.ts'

/** Where calls go, and with what. */
export interface Wire {
  origin: string
  fetch: Fetch
  headers?: Record<string, string>
  credential?: Credential
}

interface Request {
  id: string
  /** The encodings of input and output, `''` for none. A query's `input` is undefined. */
  input?: string
  output: string
  errors: readonly string[]
}

/** The params are part of a query's call, and of a procedure's options. */
interface CallOptions extends Options {
  params?: Record<string, unknown> | undefined
}

/** Sends calls to one origin. What it knows of a method is what the generated namespaces pass. */
export function createTransport(wire: Wire): Transport {
  async function call(
    { id, input, output, errors }: Request,
    data: unknown,
    { signal, params, headers: given }: CallOptions = {},
  ): Promise<unknown> {
    const { body, encoding, length, once } = await toPayload(input ?? '', data)
    const headers = new Headers(wire.headers)
    if (encoding) headers.set('content-type', encoding)
    if (length !== undefined) headers.set('content-length', String(length))
    for (const [name, value] of Object.entries(given ?? {})) headers.set(name, value)
    // An Authorization header that the caller gives replaces the client's credential.
    const credential = headers.has('authorization') ? undefined : wire.credential

    const attempt = async (): Promise<unknown> => {
      const authorization = credential?.authorization(id)
      if (authorization) headers.set('authorization', authorization)
      else if (credential) headers.delete('authorization')
      const secret = input !== undefined || headers.has('authorization')
      try {
        const init = {
          method: input === undefined ? 'GET' : 'POST',
          headers,
          signal,
          // 'error' does not exist in Workers. Inputs hold passwords and tokens, too.
          redirect: secret ? ('manual' as const) : ('follow' as const),
          ...(body !== undefined && { body }),
          ...(once && { duplex: 'half' as const }),
        }
        return await readResponse(
          await wire.fetch(`${wire.origin}/xrpc/${id}${queryString(params)}`, init),
          errors,
          output,
        )
      } catch (cause) {
        if (cause instanceof XrpcError) throw cause
        if (signal?.aborted) throw signal.reason
        throw new XrpcError('NetworkError', `${id} at ${wire.origin}: ${cause}`, { cause })
      }
    }

    let used = credential?.authorization(id)
    const renew = used && !takesRefreshToken(id) ? credential?.renew : undefined
    if (once && renew && endsSoon(used)) {
      await renew()
      used = credential?.authorization(id)
    }
    let answer: unknown
    try {
      answer = await attempt()
    } catch (error) {
      if (!renew || !(error instanceof XrpcError) || error.error !== 'ExpiredToken') throw error
      // Another call may have renewed it since, or may have found that the session has ended.
      const current = credential?.authorization(id)
      if (current === used) await renew()
      if (once || current === undefined) throw error
      answer = await attempt()
    }
    await credential?.answered?.(id, answer)
    return answer
  }

  return {
    query:
      (id, errors = [], output = JSON_BODY) =>
      (params?: Record<string, unknown>, options?: Options) =>
        call({ id, output, errors }, undefined, { ...options, params }),
    procedure:
      (id, errors = [], output = JSON_BODY, input = JSON_BODY) =>
      (...given: unknown[]) => {
        const [data, options] = input ? given : [undefined, given[0]]
        return call({ id, input, output, errors }, data, options as CallOptions | undefined)
      },
  }
}
