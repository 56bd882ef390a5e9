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
}

/** What the Worker asks the account's object about a request. Each throws an `AccountRefusal`. */
export interface AccountQuestions {
  /** Lets the request through as a call of `method`. */
  authorize(request: Request, method: string): Promise<void>
  /** The same, and gives a service token for the service with the DID `aud`. */
  sign(request: Request, method: string, aud: string): Promise<Signed>
}

/** What the object needs to know the caller. */
const CALLER_HEADERS = ['authorization', 'cf-connecting-ip']

export const createAccountQuestions = ({ origin, askAccount }: AccountQuestionsDeps): AccountQuestions => {
  const ask = async (request: Request, query: Record<string, string>): Promise<Response> => {
    const url = new URL(INTERNAL_PATHS.authorizeProxy, origin)
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    const headers = new Headers()
    for (const name of CALLER_HEADERS) {
      const value = request.headers.get(name)
      if (value !== null) headers.set(name, value)
    }
    const answer = await askAccount(new Request(url, { headers }))
    if (!answer.ok) throw new AccountRefusal(answer)
    return answer
  }
  return {
    authorize: async (request, method) => {
      const answer = await ask(request, { lxm: method })
      await answer.body?.cancel()
    },
    sign: async (request, method, aud) => {
      const answer = await ask(request, { lxm: method, aud })
      // The object's own answer: see src/account/auth/authorizeProxy.ts.
      return await answer.json<Signed>()
    },
  }
}
