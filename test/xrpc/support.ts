/** The real router and runtime, in memory, with one handler that answers with its own argument. */
import { BODY_TIMES } from '../../src/limits.ts'
import type { MethodId } from '../../src/generated/methods.ts'
import type { CredentialKind } from '../../src/policy.ts'
import { createRouter } from '../../src/generated/server.ts'
import { assertValidOutput } from '../../src/xrpc/assertValidOutput.ts'
import type { Timer } from '../../src/xrpc/deadline.ts'
import { createRuntime, type RuntimeOptions } from '../../src/xrpc/runtime.ts'
import type { Granted } from '../../src/xrpc/types.ts'

export interface Seen {
  params: Record<string, unknown>
  input: unknown
  auth: unknown
  conditions: unknown
  origin: string
  error(name: string, message: string, headers?: Record<string, string>): Error
}

type Options = Partial<Omit<RuntimeOptions<object, CredentialKind>, 'authorize'>> & {
  authorize?: () => Promise<CredentialKind>
  granted?: Granted<CredentialKind>
}

/** A timer of the machine. */
export const timer: Timer = (ms, ring) => {
  const id = setTimeout(ring, ms)
  return () => clearTimeout(id)
}

export const reports: [string, unknown][] = []

export const ORIGIN = 'https://pds.example'

/** Sends to a router that has a handler for `id` only. */
export const mount =
  (id: MethodId, handler: ((call: Seen) => unknown) | undefined, options: Options = {}) =>
  async (path: string, init: RequestInit & { duplex?: 'half' } = {}): Promise<Response> => {
    const { authorize = async () => 'anyone' as const, granted, ...rest } = options
    const router = createRouter(
      { [id]: handler },
      createRuntime<object, CredentialKind>({
        authorize: async () => {
          const auth = await authorize()
          return granted ?? { auth, anonymous: auth === 'anyone', permit: () => {}, act: (work) => work() }
        },
        times: BODY_TIMES,
        timer: () => timer,
        limits: { json: 1000, methods: { 'com.atproto.repo.importRepo': 2000 } },
        checkOutput: assertValidOutput,
        newId: () => 'id-1',
        report: (reference, cause) => reports.push([reference, cause]),
        ...rest,
      }),
    )
    return router.fetch(new Request(`${ORIGIN}/xrpc/${path}`, init), {})
  }

export const problem = async (response: Response): Promise<[number, string, string]> => {
  const { error, message }: { error: string; message: string } = Object(await response.json())
  return [response.status, error, message]
}

export const stream = (...chunks: (string | Uint8Array)[]): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      for (const chunk of chunks)
        controller.enqueue(typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk)
      controller.close()
    },
  })
