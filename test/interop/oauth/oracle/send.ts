import type { Asked, Context } from './asked.ts'

/** What clients read of an answer. */
export interface Answer {
  /** That of a preflight is `ok`, whichever it is. */
  status: string
  /** The member `error` of a JSON body; its names where it has none. */
  body: string
  cache: string
  /** Whether it gives a nonce, and whether the page of another origin can read it. */
  nonce: 'none' | 'given' | 'readable'
  /** The origins whose pages may read it; for a preflight, whether they may send the request. */
  cors: string
  authenticate: string
}

const list = (headers: Headers, name: string): string[] =>
  (headers.get(name) ?? '').toLowerCase().split(/\s*,\s*/)

const covers = (allowed: string[], asked: string[]): boolean =>
  allowed.includes('*') || asked.every((it) => allowed.includes(it))

const describe = (text: string): string => {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return typeof value
    return 'error' in value ? String(value.error) : `{${Object.keys(value).toSorted().join(', ')}}`
  } catch {
    return text === '' ? '' : 'no JSON'
  }
}

const corsOf = (asked: Asked, { headers }: Response): string => {
  const origin = headers.get('access-control-allow-origin') ?? 'none'
  const method = asked.headers['access-control-request-method']
  if (method === undefined) return origin
  const wanted = asked.headers['access-control-request-headers']?.split(',') ?? []
  const isAllowed =
    covers(list(headers, 'access-control-allow-methods'), [method.toLowerCase()]) &&
    covers(list(headers, 'access-control-allow-headers'), wanted)
  return `${origin}, ${isAllowed ? 'may send it' : 'may not send it'}`
}

const nonceOf = ({ headers }: Response): Answer['nonce'] =>
  !headers.has('dpop-nonce')
    ? 'none'
    : covers(list(headers, 'access-control-expose-headers'), ['dpop-nonce'])
      ? 'readable'
      : 'given'

/** Sends a request, keeps the nonce that comes back, and sums the answer up. */
export const send = async (asked: Asked, context: Context): Promise<{ answer: Answer; text: string }> => {
  const { method, path, headers, body } = asked
  const response = await context.fetch(`${context.url}${path}`, { method, headers, body, redirect: 'manual' })
  const text = await response.text()
  context.nonce = response.headers.get('dpop-nonce') ?? context.nonce
  const isPreflight = method === 'OPTIONS' && response.ok
  return {
    text,
    answer: {
      status: isPreflight ? 'ok' : String(response.status),
      body: isPreflight ? '' : describe(text),
      cache: list(response.headers, 'cache-control').toSorted().join(', '),
      nonce: nonceOf(response),
      cors: corsOf(asked, response),
      // The list of algorithms is compared with the metadata; the description is for people.
      authenticate: (response.headers.get('www-authenticate') ?? '').replace(
        / algs="[^"]*"|, error_description="[^"]*"/g,
        '',
      ),
    },
  }
}
