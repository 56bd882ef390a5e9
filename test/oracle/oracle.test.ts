import { afterAll, beforeAll, expect, it } from 'vitest'
import { serve, type Served } from '../contract/serve.ts'
import { stubRouter } from '../contract/stub.ts'
import { EXCEPTIONS, exceptionFor } from './exceptions.ts'
import { LIMIT, serveReference } from './reference.ts'
import { requests } from './requests.ts'
import { send } from './send.ts'

let theirs: Served
let ours: Served

beforeAll(async () => {
  theirs = await serveReference()
  const limits = { json: LIMIT, methods: {} }
  ours = await serve(stubRouter({ authorize: () => 'session', limits, answerAbsent: true }))
})

afterAll(async () => {
  await theirs.close()
  await ours.close()
})

it('answers a few hundred requests as @atproto/xrpc-server does, except as listed', async () => {
  const differences: string[] = []
  const hit = new Set<string>()
  for (const asked of requests) {
    const [a, b] = [await send(ours.url, asked), await send(theirs.url, asked)]
    if (a.status === b.status && a.error === b.error && a.type === b.type) continue
    const exception = exceptionFor(asked, a, b)
    if (exception) hit.add(exception.reason)
    else
      differences.push(
        `${asked.kind} | ${asked.verb} ${asked.path} | ours ${JSON.stringify(a)} | theirs ${JSON.stringify(b)}`,
      )
  }
  expect(differences.join('\n')).toBe('')
  expect(EXCEPTIONS.map(({ reason }) => reason).filter((reason) => !hit.has(reason))).toEqual([])
  expect(requests.length).toBeGreaterThan(600)
})
