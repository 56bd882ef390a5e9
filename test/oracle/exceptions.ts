import type { Asked } from './requests.ts'
import type { Compared } from './send.ts'

export interface Exception {
  reason: string
  /** The kinds of requests that the exception is about. */
  kinds: RegExp
  theirs: Partial<Compared>
  ours: Partial<Compared>
}

const REFUSED = { status: 400, error: 'InvalidRequest' }
const TAKEN = { status: 200 }

/** Where we intentionally answer differently from @atproto/xrpc-server, and why. Each must occur. */
export const EXCEPTIONS: Exception[] = [
  {
    reason: 'The type of a blob is found by its bytes, so it may be left out.',
    kinds: /^body: (no type|missing, without a type)$/,
    ours: TAKEN,
    theirs: REFUSED,
  },
  {
    reason: 'A number is a number: `10abc` and `1.5` are mistakes of the caller, not 10 and 1.',
    kinds: /^integer parameter|^parameter: a word$/,
    ours: REFUSED,
    theirs: TAKEN,
  },
  {
    reason: 'A boolean is `true` or `false`: anything else silently meant false.',
    kinds: /^boolean parameter: a word$/,
    ours: REFUSED,
    theirs: TAKEN,
  },
  {
    reason:
      'A parameter given twice is ambiguous; there, strings are joined by a comma and numbers cut at it.',
    kinds: /^repeated (string|integer|boolean) parameter$/,
    ours: REFUSED,
    theirs: TAKEN,
  },
  {
    reason: 'Arrays repeat their name; `name[]` is a habit of Express, not of XRPC.',
    kinds: /^array parameter: brackets$/,
    ours: REFUSED,
    theirs: TAKEN,
  },
  {
    reason:
      '`__proto__` is a parameter like any other unknown one: it never becomes a key of an object here.',
    kinds: /^__proto__ parameter$/,
    ours: TAKEN,
    theirs: { status: 400, error: 'InvalidQueryParameter' },
  },
  {
    reason: 'The fetch API, and so the Worker, has no body on GET: it is not seen.',
    kinds: /^query with a body$/,
    ours: TAKEN,
    theirs: REFUSED,
  },
  {
    reason: 'Some clients send `{}` to methods without input; nothing is lost by taking it.',
    kinds: /^no input: \{\}$/,
    ours: TAKEN,
    theirs: REFUSED,
  },
  {
    reason: 'Media types are case-insensitive (RFC 9110).',
    kinds: /^body: good, in capitals$/,
    ours: TAKEN,
    theirs: REFUSED,
  },
  {
    reason: 'One name for each status: there, the error is named by the class of body-parser.',
    kinds: /^body: too long/,
    ours: { status: 413, error: 'PayloadTooLarge' },
    theirs: { status: 413, error: 'PayloadTooLargeError' },
  },
  {
    reason: 'Broken JSON is an InvalidRequest; there, the error is named by the class of JSON.parse.',
    kinds: /^body: (text|null|broken JSON)$/,
    ours: REFUSED,
    theirs: { status: 400, error: 'SyntaxError' },
  },
  {
    reason: 'Bytes that are not UTF-8 are refused; there, they become U+FFFD and would be stored so.',
    kinds: /^body: bad UTF-8$/,
    ours: REFUSED,
    theirs: TAKEN,
  },
  {
    reason: 'A list is no object, although the validator takes it for one without members.',
    kinds: /^body: a list, where nothing is required$/,
    ours: REFUSED,
    theirs: TAKEN,
  },
  {
    reason: 'JSON nested deeper than 128 levels is refused before anything recurses into it.',
    kinds: /^body: 200 levels$/,
    ours: REFUSED,
    theirs: TAKEN,
  },
  {
    reason: 'XRPC has no error for 415.',
    kinds: /^body: an unknown content encoding$/,
    ours: REFUSED,
    theirs: { status: 415 },
  },
  {
    reason: 'NSIDs are case-sensitive; the routes of Express are not.',
    kinds: /^a method in capitals$/,
    ours: { status: 501, error: 'MethodNotImplemented' },
    theirs: TAKEN,
  },
  {
    reason: 'A record type is no method; there, Express answers with its page.',
    kinds: /^a record type$/,
    ours: { status: 501, error: 'MethodNotImplemented' },
    theirs: { status: 404, type: 'text/html' },
  },
]

const fits = (wanted: Partial<Compared>, got: Compared): boolean =>
  Object.entries(wanted).every(([key, value]) => got[key as keyof Compared] === value)

export const exceptionFor = (asked: Asked, ours: Compared, theirs: Compared): Exception | undefined =>
  EXCEPTIONS.find(
    (exception) =>
      exception.kinds.test(asked.kind) && fits(exception.ours, ours) && fits(exception.theirs, theirs),
  )
