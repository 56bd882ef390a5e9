/** A document that nobody has written a case for. */
import type { LexiconDoc } from '@atproto/lexicon'
import { expect, it } from 'vitest'
import { brokenOf, inLines, runMethods } from './runMethods.ts'
import type { FetchHandler } from './serve.ts'
import { stub } from './stub.ts'

const list = (items: unknown[], cursor?: string) =>
  Response.json({ things: items, ...(cursor ? { cursor } : {}) })
const document: LexiconDoc = {
  lexicon: 1,
  id: 'com.example.listThings',
  defs: {
    main: {
      type: 'query',
      description: 'Lists things. Does not require auth.',
      parameters: {
        type: 'params',
        required: ['kind'],
        properties: {
          kind: { type: 'string', enum: ['red', 'green'] },
          limit: { type: 'integer', minimum: 1, maximum: 10, default: 5 },
          cursor: { type: 'string' },
        },
      },
      output: {
        encoding: 'application/json',
        schema: {
          type: 'object',
          required: ['things'],
          properties: {
            cursor: { type: 'string' },
            things: { type: 'array', items: { type: 'string', format: 'did' } },
          },
        },
      },
    },
  },
}
const DIDS = ['aaaa', 'bbbb', 'cccc', 'dddd'].map((part) => `did:plc:${part.repeat(6)}`)
const things =
  (lastIsLost: boolean): FetchHandler =>
  (request) => {
    const { pathname, searchParams } = new URL(request.url)
    const refuse = (error: string, status = 400) =>
      Response.json({ error, message: 'no' }, { status, headers: { 'access-control-allow-origin': '*' } })
    if (!pathname.endsWith('listThings')) return stub()(request)
    if (request.method === 'OPTIONS') return stub()(request)
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse('InvalidRequest')
    const limit = Number(searchParams.get('limit') ?? 5)
    const kind = searchParams.get('kind') ?? ''
    if (!['red', 'green'].includes(kind) || !(limit >= 1 && limit <= 10)) return refuse('InvalidRequest')
    const isSingle = [...searchParams.keys()].length === new Set(searchParams.keys()).size
    if (!isSingle || !/^\d+$/.test(searchParams.get('limit') ?? '5')) return refuse('InvalidRequest')
    const start = Number(searchParams.get('cursor') ?? 0) || 0
    // What a server does that compares with the wrong sign.
    const end = start + limit - (lastIsLost && limit > 1 && limit < 4 && start > 0 ? 1 : 0)
    const answer = list(
      DIDS.slice(start, end),
      start + limit < DIDS.length ? String(start + limit) : undefined,
    )
    answer.headers.set('access-control-allow-origin', '*')
    return request.method === 'HEAD' ? new Response(null, answer) : answer
  }

const CASES = [
  'cors.preflight',
  'paging.any-cursor',
  'paging.end',
  'paging.limit',
  'paging.walk',
  'params.bounds',
  'params.default',
  'params.required',
  'params.type',
  'params.unknown-ignored',
  'output.encoding',
  'output.formats',
  'output.schema',
  'reads.public',
  'verbs.head',
  'verbs.wrong-refused',
]

it('a document that is added yields its cases, and its faults are found', async () => {
  const good = await runMethods(things(false), false, [document])
  expect(inLines(brokenOf(good))).toEqual([])
  const tried = good.findings
    .filter(({ outcome, subject }) => outcome === 'kept' && subject === document.id)
    .map(({ rule }) => rule.id)
  expect(new Set(tried)).toEqual(new Set([...tried, ...CASES]))
  const bad = await runMethods(things(true), false, [document])
  expect(inLines(brokenOf(bad))).toEqual([
    'paging.walk com.example.listThings (pages of 2): "did:plc:dddddddddddddddddddddddd" did not come',
  ])
})
