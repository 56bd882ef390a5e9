/** Read after write through the real Worker and its object: what they say to each other passes between isolates. */
import { env } from 'cloudflare:workers'
import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import type { Env } from '../../src/config.ts'
import { overridePlatform } from '../../src/platform.ts'
import worker from '../../src/worker.ts'
import { deploy, ORIGIN } from '../contract/deployed.ts'
import { HANDLE, PASSWORD } from '../support/deployment.ts'

const bindings = {
  ...(env as unknown as Env),
  APPVIEW: 'https://api.example.com did:web:api.example.com',
}

it('an answer of a lagging AppView is completed, compressed or not', async () => {
  const { did, call } = await deploy()
  const session = await call('com.atproto.server.createSession', {
    body: { identifier: HANDLE, password: PASSWORD },
  })
  const auth = `Bearer ${String(session.accessJwt)}`
  const { rev } = await call('com.atproto.sync.getLatestCommit', { query: `?did=${did}`, auth })
  await call('com.atproto.repo.createRecord', {
    body: {
      repo: did,
      collection: 'app.bsky.feed.post',
      record: { $type: 'app.bsky.feed.post', text: 'new', createdAt: '2026-01-01T00:00:00.000Z' },
    },
    auth,
  })
  const text = '{"feed":[],"cursor":"next"}'
  for (const encoding of ['identity', 'gzip']) {
    const headers = { 'content-type': 'application/json', 'atproto-repo-rev': String(rev) }
    overridePlatform({
      fetch: (async () =>
        new Response(encoding === 'gzip' ? gzipSync(text) : text, {
          headers: { ...headers, ...(encoding === 'gzip' && { 'content-encoding': encoding }) },
          encodeBody: 'manual',
        })) as typeof fetch,
    })
    // Another environment is another Worker, with the platform of this moment, before the same object.
    const answer = await worker.fetch(
      new Request(`${ORIGIN}/xrpc/app.bsky.feed.getTimeline`, { headers: { authorization: auth } }),
      { ...bindings },
    )
    expect(await answer.json()).toMatchObject({
      cursor: 'next',
      feed: [{ post: { author: { did, handle: HANDLE }, record: { text: 'new' } } }],
    })
    expect(Number(answer.headers.get('atproto-upstream-lag'))).toBeGreaterThanOrEqual(0)
    expect(answer.headers.get('access-control-expose-headers')).toBe('*')
  }
})
