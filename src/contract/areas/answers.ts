import { isObject } from '../../isObject.ts'
import { mediaType } from '../ask.ts'
import type { AnswerRule } from '../types.ts'
import { outputs } from './methods/outputs.ts'

const ALL = ['source', 'target', 'daily'] as const
const XRPC = 'https://atproto.com/specs/xrpc'

/** The rules that every answer to any request of the suite is judged by. */
export const answers: readonly AnswerRule[] = [
  {
    id: 'answer.cors',
    sentence: 'Every answer may be read by a web page of any origin, and none of them with cookies.',
    level: 'should',
    source: `${XRPC}#cors; web apps such as bsky.app talk to the PDS directly`,
    profiles: ALL,
    *judge({ headers }, id) {
      if (id === '') return
      if (headers.get('access-control-allow-origin') !== '*') yield 'access-control-allow-origin is not *'
      if (headers.get('access-control-allow-credentials') === 'true') yield 'CORS with credentials'
    },
  },
  {
    id: 'answer.error-shape',
    sentence: 'An error is JSON with a name in `error`, and a text in `message` if there is one.',
    level: 'must',
    source: `${XRPC}#error-responses`,
    profiles: ALL,
    *judge({ verb, status, headers, json, notJson, error }, id) {
      if (id === '' || verb === 'HEAD' || verb === 'OPTIONS' || status < 400) return
      const type = mediaType(headers)
      if (type !== 'application/json') yield `an error as ${type || 'nothing'}, not as JSON`
      else if (notJson !== undefined) yield `an error with ${notJson}`
      else if (error === undefined) yield 'an error without a name'
      else if (isObject(json) && 'message' in json && typeof json['message'] !== 'string')
        yield 'an error whose message is not a text'
    },
  },
  {
    id: 'answer.no-failure',
    sentence: 'No request makes the server fail.',
    level: 'must',
    source: `${XRPC}#summary-of-http-status-codes: 500 is an internal error`,
    profiles: ALL,
    *judge({ status, error }) {
      if (status === 500) yield `500 ${error ?? ''}`.trim()
    },
  },
  ...outputs,
]
