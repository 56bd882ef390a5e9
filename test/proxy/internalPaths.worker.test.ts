/** The paths at which the object answers the Worker alone: the real Worker forwards them for nobody. */
import { env } from 'cloudflare:workers'
import { expect, it } from 'vitest'
import type { Env } from '../../src/config.ts'
import { INTERNAL_PATHS } from '../../src/internalPaths.ts'
import { deploy, ORIGIN } from '../contract/deployed.ts'
import { HANDLE, PASSWORD } from '../support/deployment.ts'

const QUERY =
  '?lxm=app.bsky.feed.getTimeline&aud=did:web:api.example.com&service=did:web:api.example.com%23bsky_appview'

it('reach the object from nowhere, with the owner’s credential too', async () => {
  const { did, call, fetch } = await deploy()
  const { accessJwt } = await call('com.atproto.server.createSession', {
    body: { identifier: HANDLE, password: PASSWORD },
  })
  const headers = { authorization: `Bearer ${accessJwt}` }
  // The object answers the Worker's own question.
  const object = (env as unknown as Env).ACCOUNT.getByName(did)
  const asked = await object.fetch(`${ORIGIN}${INTERNAL_PATHS.authorizeProxy}${QUERY}`, { headers })
  expect(Object.keys(await asked.json<object>())).toEqual(['token', 'head'])

  for (const path of Object.values(INTERNAL_PATHS))
    for (const way of [
      path,
      `/${path}`,
      `${path}/`,
      path.toUpperCase(),
      `/xrpc/..${path}`,
      `/xrpc/%2e%2e${path}`,
      `/xrpc/..%2f${path.slice(1)}`,
      `/xrpc${path}`,
      `/xrpc/com.atproto.sync.listRepos/../..${path}`,
      `/xrpc/com.atproto.sync.listRepos/..%2f..${path}`,
      `/xrpc//..//${path}`,
      `/xrpc/\\..\\..${path.replaceAll('/', '\\')}`,
    ])
      for (const method of ['GET', 'POST']) {
        const answer = await fetch(new Request(`${ORIGIN}${way}${QUERY}`, { method, headers }))
        expect([way, method, [400, 404].includes(answer.status)]).toEqual([way, method, true])
        expect(await answer.text()).not.toContain('token')
      }
})
