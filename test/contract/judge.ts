import { jsonToLex } from '@atproto/lexicon'
import { STANDARD_ERRORS } from '../../src/standardErrors.ts'
import { mediaType, type Answer } from './ask.ts'
import { lexicons, type Method } from './lexicon.ts'

/** The reads that may answer this although their documents do not declare it: see the list of errors in the README. */
const MAY_BE_DEACTIVATED = [
  'com.atproto.repo.describeRepo',
  'com.atproto.repo.getRecord',
  'com.atproto.repo.listRecords',
]

/** The status of an error, or undefined if the method must not answer with it. */
function statusOf(name: string, method: Method | undefined): number | undefined {
  if (Object.hasOwn(STANDARD_ERRORS, name)) return STANDARD_ERRORS[name as keyof typeof STANDARD_ERRORS]
  const declared =
    method?.errors.includes(name) ||
    (name === 'RepoDeactivated' && method && MAY_BE_DEACTIVATED.includes(method.id))
  return declared ? 400 : undefined
}

function* judgeError(answer: Answer, method: Method | undefined): Generator<string> {
  const { status, headers, json, error } = answer
  if (mediaType(headers) !== 'application/json')
    return yield `an error as ${mediaType(headers) || 'nothing'}, not as JSON`
  if (error === undefined) return yield 'an error without a name'
  if (typeof json === 'object' && json !== null && 'message' in json && typeof json.message !== 'string')
    yield 'an error whose message is no text'
  const expected = statusOf(error, method)
  if (expected === undefined) yield `${error} is neither declared nor a standard error`
  else if (expected !== status) yield `${error} goes with ${expected}, not ${status}`
  if (error === 'InternalServerError') yield 'the server failed'
}

function* judgeOutput({ headers, bytes, json }: Answer, method: Method): Generator<string> {
  const type = mediaType(headers)
  if (!method.output) {
    if (bytes.byteLength > 0) yield 'an answer with a body, where none is declared'
    return
  }
  const { encoding, schema } = method.output
  if (type === '') yield 'no content type'
  else if (encoding !== '*/*' && type !== encoding) yield `${type} instead of ${encoding}`
  if (encoding === '*/*') {
    if (headers.get('x-content-type-options') !== 'nosniff')
      yield 'x-content-type-options: nosniff is missing'
    if (!/default-src 'none'.*sandbox/.test(headers.get('content-security-policy') ?? ''))
      yield 'content-security-policy does not sandbox'
    // The length of an answer that is compressed on the way cannot be known beforehand.
    if (headers.get('content-length') === null && headers.get('content-encoding') === null)
      yield 'content-length is missing'
  }
  if (!schema || type !== 'application/json') return
  if (json === undefined) return yield 'a body that is not JSON'
  try {
    // Values may have any shape; the library says whether it is the right one.
    lexicons.assertValidXrpcOutput(method.id, jsonToLex(json as Parameters<typeof jsonToLex>[0]))
  } catch (cause) {
    yield `the output breaks the lexicon: ${cause instanceof Error ? cause.message : String(cause)}`
  }
}

function* judgeCors({ headers }: Answer): Generator<string> {
  if (headers.get('access-control-allow-origin') !== '*') yield 'access-control-allow-origin is not *'
  if (headers.get('access-control-allow-credentials') === 'true') yield 'CORS with credentials'
}

/**
 * Yields what is wrong with an answer to any request: every answer must satisfy its lexicon, the standard errors and CORS.
 * `hasBody` is false for HEAD.
 */
export function* judge(answer: Answer, method: Method | undefined, hasBody = true): Generator<string> {
  yield* judgeCors(answer)
  const { status } = answer
  if (status >= 300 && status < 400) yield `a redirect (${status})`
  else if (!hasBody) {
    if (answer.bytes.byteLength > 0) yield 'a body in the answer to HEAD'
  } else if (status >= 400) yield* judgeError(answer, method)
  else if (status !== 200) yield `${status} is not how XRPC says yes`
  else if (method) yield* judgeOutput(answer, method)
}
