import { DPOP_NONCE } from '../dpopNonce.ts'
import { INTERNAL_PATHS } from '../internalPaths.ts'

/** The account's object does not let a request through. Its answer is the answer. */
export class AccountRefusal extends Error {
  override readonly name = 'AccountRefusal'
  readonly answer: Response

  constructor(answer: Response) {
    super('the account refused a request')
    this.answer = answer
  }
}

export interface AccountQuestionsDeps {
  origin: string
  /** Sends a request of the Worker's own to the account's object. */
  askAccount(question: Request): Promise<Response>
}

export interface Signed {
  token: string
  /** The revision of the repository; undefined if there is none. */
  head?: string
  /** For the next proof of an app, if the caller is one. */
  nonce?: string
}

/** Whose request it is, for every question about it. */
export interface Caller {
  /** Those that say who calls. */
  headers: Headers
  /** How the client called, which a proof of possession is bound to. */
  verb: string
  url: string
  /** Names the request. */
  once: string
}

/** What the Worker asks the account's object about a request. Each throws an `AccountRefusal`. */
export interface AccountQuestions {
  /** Lets a request through as a call of `method`, at the service `did#service` if one is named. */
  authorize(caller: Caller, method: string, service?: string): Promise<void>
  /** The same, and gives a service token for the DID `aud`. */
  sign(caller: Caller, method: string, service: string, aud: string): Promise<Signed>
}

/** What the object needs to know the caller. */
const CALLER_HEADERS = ['authorization', 'dpop', 'cf-connecting-ip', 'cf-worker']

/** Who sent a request, with a new name for it. */
export const callerOf = (request: Request, once: string): Caller => {
  const headers = new Headers()
  for (const name of CALLER_HEADERS) {
    const value = request.headers.get(name)
    if (value !== null) headers.set(name, value)
  }
  return { headers, verb: request.method, url: request.url, once }
}

export const createAccountQuestions = ({ origin, askAccount }: AccountQuestionsDeps): AccountQuestions => {
  const ask = async (caller: Caller, query: Record<string, string>): Promise<Response> => {
    const url = new URL(INTERNAL_PATHS.authorizeProxy, origin)
    const { headers, verb, once } = caller
    const asked = { ...query, ...(headers.has('dpop') && { verb, url: caller.url, once }) }
    for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value)
    const answer = await askAccount(new Request(url, { headers }))
    if (!answer.ok) throw new AccountRefusal(answer)
    return answer
  }
  return {
    authorize: async (caller, method, service) => {
      const answer = await ask(caller, { lxm: method, ...(service !== undefined && { service }) })
      await answer.body?.cancel()
    },
    sign: async (caller, method, service, aud) => {
      const answer = await ask(caller, { lxm: method, service, aud })
      const nonce = answer.headers.get(DPOP_NONCE)
      // The object's own answer: see src/account/auth/authorizeProxy.ts.
      return { ...(await answer.json<Signed>()), ...(nonce !== null && { nonce }) }
    },
  }
}
