import { OAuthError } from '../account/oauth/oauthError.ts'
import { hasDuplicateKeys } from '../crypto/hasDuplicateKeys.ts'
import { isObject } from '../isObject.ts'
import { BODY_TIMES } from '../limits.ts'
import type { Platform } from '../platform.ts'
import { readUpTo } from '../streams/readUpTo.ts'
import { error } from '../xrpc/errors.ts'

const MAX_BYTES = 16 * 1024

const invalid = (message: string): OAuthError => new OAuthError('invalid_request', message)

const decode = (bytes: Uint8Array): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw invalid('the body is not valid UTF-8')
  }
}

const fromForm = (text: string): Map<string, string> => {
  const params = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(text)) {
    // One reader would take the first, another the last (RFC 6749, section 3.1).
    if (params.has(name)) throw invalid(`${name.slice(0, 100)}: is sent more than once`)
    params.set(name, value)
  }
  return params
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    throw invalid('the body is not valid JSON')
  }
}

/** The members of an object that are text: no parameter that is read here is anything else. */
const fromJson = (text: string): Map<string, string> => {
  const value = parseJson(text)
  if (!isObject(value) || hasDuplicateKeys(text)) throw invalid('the body is not an object with unique names')
  const params = new Map<string, string>()
  for (const [name, member] of Object.entries(value)) {
    if (typeof member === 'string') params.set(name, member)
    else if (member !== null) params.set(name, JSON.stringify(member))
  }
  return params
}

/** The parameters of a request, from a form or from JSON: bounded in size and in time, each once. Throws for anything else. */
export const readParameters = async (
  request: Request,
  { timer }: Pick<Platform, 'timer'>,
): Promise<Map<string, string>> => {
  const type = (request.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/x-www-form-urlencoded' && type !== 'application/json')
    throw invalid('Content-Type: expected application/x-www-form-urlencoded or application/json')
  let stop = (): void => {}
  let isLate = false
  const late = new Promise<void>((resolve) => {
    stop = timer(BODY_TIMES.anonymousMs, () => {
      isLate = true
      resolve()
    })
  })
  const read = await readUpTo(request.body ?? new Blob([]).stream(), { max: MAX_BYTES, late }).finally(() =>
    stop(),
  )
  if ('stream' in read) {
    await read.stream.cancel().catch(() => {})
    throw isLate
      ? error(
          'RequestTimeout',
          `The request body did not arrive within ${BODY_TIMES.anonymousMs / 1000} seconds`,
        )
      : error('PayloadTooLarge', `The request body may have at most ${MAX_BYTES} bytes`)
  }
  const text = decode(read.bytes)
  return type === 'application/json' ? fromJson(text) : fromForm(text)
}
