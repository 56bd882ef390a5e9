import { jsonToLex } from '@atproto/lexicon'
import { isObject } from '../../../isObject.ts'
import { isStandardError, STANDARD_ERRORS } from '../../../standardErrors.ts'
import { mediaType } from '../../ask.ts'
import { badFormats } from '../../lexicon/badFormats.ts'
import type { Method } from '../../lexicon/lexiconSet.ts'
import type { AnswerRule } from '../../types.ts'
import { needsAuth } from './needsAuth.ts'

const ALL = ['source', 'target', 'daily'] as const
const XRPC = 'https://atproto.com/specs/xrpc'

const DEACTIVATED = ['RepoDeactivated']
/** What is wrong with the blobs of a record: docs/records.md. */
const BLOBS = ['BlobNotFound', 'InvalidSize', 'InvalidMimeType']

/** Errors that a Cirrus answers, as the reference does, although the documents do not declare them. */
const UNDECLARED: Readonly<Record<string, readonly string[]>> = {
  'com.atproto.repo.describeRepo': DEACTIVATED,
  'com.atproto.repo.getRecord': DEACTIVATED,
  'com.atproto.repo.listRecords': DEACTIVATED,
  'com.atproto.repo.createRecord': BLOBS,
  'com.atproto.repo.putRecord': BLOBS,
  'com.atproto.repo.applyWrites': BLOBS,
}

/** The status that a Cirrus gives an error; undefined for one that the method does not answer. */
const statusOf = (name: string, method: Method): number | undefined => {
  if (isStandardError(name)) return STANDARD_ERRORS[name]
  const isDeclared = method.errors.includes(name) || (UNDECLARED[method.id]?.includes(name) ?? false)
  return isDeclared ? 400 : undefined
}

/** `image/*` takes image/png. */
const takes = (encoding: string, type: string): boolean =>
  encoding
    .split(',')
    .map((one) => one.trim())
    .some((one) => one === '*/*' || one === type || (one.endsWith('/*') && type.startsWith(one.slice(0, -1))))

const isSuccess = (status: number): boolean => status >= 200 && status < 300

/** The rules by which every answer of a method is judged with its document. */
export const outputs: readonly AnswerRule[] = [
  {
    id: 'output.status',
    sentence: 'A call that succeeds is answered 200.',
    level: 'must',
    source: `${XRPC}#summary-of-http-status-codes`,
    profiles: ALL,
    *judge({ verb, status, headers }, id, { lexicons }) {
      if (!lexicons.method(id) || verb === 'OPTIONS') return
      // A part of a blob, where one was asked for: the rules about blobs judge it.
      if (status === 206 && (headers.has('content-range') || mediaType(headers) === 'multipart/byteranges'))
        return
      if (isSuccess(status) && status !== 200) yield `${status}`
    },
  },
  {
    id: 'output.no-redirect',
    sentence: 'The server answers by itself, and sends nobody elsewhere.',
    level: 'should',
    source: `${XRPC}#possible-future-changes: whether redirects are supported is not decided; @atproto/xrpc-server and goat do not expect them`,
    profiles: ALL,
    *judge({ status, headers }, id, { lexicons }) {
      // A blob may be on a CDN, and the tools follow there.
      if (!lexicons.method(id) || id === 'com.atproto.sync.getBlob') return
      if (status >= 300 && status < 400 && status !== 304)
        yield `${status} to ${(headers.get('location') ?? 'nowhere').slice(0, 200)}`
    },
  },
  {
    id: 'output.encoding',
    sentence: 'A body has the content type that the lexicon declares.',
    level: 'must',
    source: `${XRPC}#lexicon-http-endpoints`,
    profiles: ALL,
    *judge({ verb, status, headers }, id, { lexicons }) {
      const output = lexicons.method(id)?.output
      if (!output || status !== 200 || verb === 'OPTIONS') return
      const type = mediaType(headers)
      if (type === '') yield 'no content type'
      else if (!takes(output.encoding, type)) yield `${type} instead of ${output.encoding}`
    },
  },
  {
    id: 'output.none',
    sentence: 'An answer has no body where the lexicon declares none.',
    level: 'should',
    source: "the method's lexicon; typed clients do not read it",
    profiles: ALL,
    *judge({ verb, status, bytes }, id, { lexicons }) {
      const method = lexicons.method(id)
      if (!method || method.output || status !== 200 || verb === 'OPTIONS') return
      if (bytes.length > 0) yield 'an answer with a body, where none is declared'
    },
  },
  {
    id: 'output.schema',
    sentence: 'An answer is what the lexicon says.',
    level: 'must',
    source: "the method's lexicon; https://atproto.com/specs/lexicon",
    profiles: ALL,
    *judge({ verb, status, json, notJson, headers }, id, { lexicons: set }) {
      const schema = set.method(id)?.output?.schema
      if (!schema || status !== 200 || verb === 'HEAD' || verb === 'OPTIONS') return
      if (mediaType(headers) !== 'application/json') return
      if (notJson !== undefined) return yield notJson
      try {
        // Values may have any shape; the library says whether it is the right one.
        set.lexicons.assertValidXrpcOutput(id, jsonToLex(json as Parameters<typeof jsonToLex>[0]))
      } catch (cause) {
        yield `the output breaks the lexicon: ${cause instanceof Error ? cause.message.slice(0, 300) : String(cause)}`
      }
    },
  },
  {
    id: 'output.formats',
    sentence: 'Texts of an answer are strictly of the formats that the lexicon says.',
    level: 'must',
    source: 'https://atproto.com/specs/lexicon#string-formats',
    profiles: ALL,
    *judge({ verb, status, json }, id, { lexicons }) {
      const schema = lexicons.method(id)?.output?.schema
      if (!schema || status !== 200 || json === undefined || verb === 'OPTIONS') return
      for (const { place, format } of badFormats(lexicons, schema, json)) {
        yield `${place} is not a ${format}`
        return
      }
    },
  },
  {
    id: 'output.private-not-shared',
    sentence: 'What only the caller may read is not offered to shared caches.',
    level: 'should',
    source:
      'https://www.rfc-editor.org/rfc/rfc9111#section-3.5; a CDN in front of the server would give it to others',
    profiles: ALL,
    *judge({ verb, status, authorized, headers }, id, { lexicons }) {
      const method = lexicons.method(id)
      if (!method || verb !== 'GET' || status !== 200 || !authorized || !needsAuth(method)) return
      const control = headers.get('cache-control') ?? ''
      if (/\b(public|s-maxage)\b/i.test(control)) yield `cache-control: ${control}`
    },
  },
  {
    id: 'errors.state-not-401',
    sentence: 'The state of an account is not told as 401, which is for credentials.',
    level: 'should',
    source: `${XRPC}#summary-of-http-status-codes; @atproto/api takes any 401 for an expired session and signs the user out`,
    profiles: ALL,
    *judge({ status, error = '' }, id, { lexicons }) {
      if (lexicons.method(id) && status === 401 && /(Deactivated|Suspended|TakenDown|Takendown)$/.test(error))
        yield `401 ${error}`
    },
  },
  {
    id: 'errors.house-name',
    sentence:
      'An error is one that the lexicon declares, with 400, or one of the standard errors with its status.',
    level: 'house',
    source: 'src/standardErrors.ts; the list of errors in the README',
    profiles: ALL,
    *judge({ status, error }, id, { lexicons }) {
      const method = lexicons.method(id)
      if (!method || status < 400 || error === undefined) return
      const expected = statusOf(error, method)
      if (expected === undefined) yield `${error} is neither declared nor a standard error`
      else if (expected !== status) yield `${error} goes with ${expected}, not ${status}`
    },
  },
  {
    id: 'errors.message-not-inside',
    sentence: 'An error does not show the inside of the server: no stack, no path, no query.',
    level: 'should',
    source: 'https://owasp.org/www-community/Improper_Error_Handling',
    profiles: ALL,
    *judge({ status, json }, id, { lexicons }) {
      if (!lexicons.method(id) || status < 400 || !isObject(json)) return
      const message = JSON.stringify(json)
      if (/\\n {2,}at |\bat [\w.<>]+ \(\/|\/(?:srv|usr|app|home|var)\/\S+\.\w+:\d+|SQLITE_\w+/.test(message))
        yield 'a message with a stack or a path of the server'
    },
  },
]
