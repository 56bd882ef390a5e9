import { createMemoryLimit } from '../memoryLimit.ts'
import { isLocal, callerNetwork } from '../network.ts'
import { isOpenToAnyone, policy, type Rule } from '../policy.ts'
import { tooMany } from '../tooMany.ts'

export interface RequestLimitsDeps {
  now(): number
  /** How many requests one address may send in 5 minutes; 0 for any number. */
  requestsPer5Minutes: number
}

/** How many requests an address, or an IPv6 network, may send. */
export interface RequestLimits {
  /** Answers a request, or throws `RateLimitExceeded`. */
  run(request: Request, answer: () => Promise<Response>): Promise<Response>
}

const WINDOW_S = 5 * 60

const EXPORTS = ['com.atproto.sync.getRepo', 'com.atproto.sync.getCheckout']
/** Relays read whole repositories: getRepo is counted by itself, and twice as many are allowed, as by the reference. */
const EXPORTS_FACTOR = 2

const rules: Partial<Record<string, Rule>> = policy

/** Whether a method refuses a bad credential, so that an answer shows that the credential was good. */
const checksCredentials = (method: string): boolean => {
  const rule = Object.hasOwn(rules, method) ? rules[method] : undefined
  // One that is not served is forwarded to a good credential only.
  return !rule || (rule.runs === 'account' && !rule.lenient && !isOpenToAnyone(rule))
}

/** Whether the answer shows that the request had a good credential. An empty one is none, as where it is verified. */
const wasTrusted = (request: Request, method: string, { status }: Response): boolean =>
  Boolean(method && request.headers.get('authorization')?.trim()) && status < 400 && checksCredentials(method)

/** The method that a path names, if it names one: the router takes any number of slashes at its end. */
const methodOf = ({ url }: Request): string => /^\/xrpc\/([^/]*)\/*$/.exec(new URL(url).pathname)?.[1] ?? ''

/**
 * Counts the requests of each address in the memory of this isolate of the Worker: it keeps what comes in masses from
 * the account's object, and costs nothing. What is answered to a good credential is taken back: the owner's apps, an
 * export and a move with a token are never the reason to wait. A caller without an address is in development.
 */
export const createRequestLimits = ({ now, requestsPer5Minutes }: RequestLimitsDeps): RequestLimits => {
  const limitOf = (max: number) => createMemoryLimit({ now, max, windowSeconds: WINDOW_S })
  const exportsLimit = limitOf(EXPORTS_FACTOR * requestsPer5Minutes)
  const others = limitOf(requestsPer5Minutes)
  return {
    run: async (request, answer) => {
      const network = callerNetwork(request.headers)
      if (network === undefined || isLocal(network)) return await answer()
      const method = methodOf(request)
      const isExport = EXPORTS.includes(method)
      const limit = isExport ? exportsLimit : others
      const usedUp = limit.take(network)
      if (usedUp) throw tooMany(isExport ? 'exports' : 'requests', usedUp, now())
      const response = await answer()
      if (wasTrusted(request, method, response)) limit.giveBack(network)
      return response
    },
  }
}
