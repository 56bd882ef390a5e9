/** The pages through the real Worker: how they are reached, and that CORS never opens them. */
import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Env } from '../../src/config.ts'
import { ASSETS } from '../../src/generated/assets.ts'
import worker from '../../src/worker.ts'
import { deploy, ORIGIN } from '../contract/deployed.ts'

beforeAll(async () => void (await deploy()))

const send = (path: string, init: RequestInit = {}): Promise<Response> =>
  worker.fetch(new Request(ORIGIN + path, { redirect: 'manual', ...init }), env as unknown as Env)

const CORS = ['access-control-allow-origin', 'access-control-allow-headers', 'access-control-allow-methods']

describe.each(['/account', '/account/apps', '/account/nothing', '/oauth/authorize', ASSETS.style.path])(
  '%s',
  (path) => {
    it.each(['GET', 'HEAD', 'POST', 'OPTIONS', 'PUT'])(
      'is not opened to other origins by %s',
      async (method) => {
        const response = await send(path, {
          method,
          headers: { origin: 'https://evil.example', 'access-control-request-method': 'GET' },
        })
        for (const name of CORS) expect(response.headers.has(name), name).toBe(false)
        expect(response.headers.get('cross-origin-resource-policy')).toBe('same-origin')
      },
    )
  },
)

it('has the form for signing in at /account', async () => {
  const response = await send('/account')
  expect([response.status, (await response.text()).includes('type="password"')]).toEqual([200, true])
})

it.each(['/account', '/oauth/authorize?request_uri=a&client_id=b', ASSETS.style.path])(
  'goes on by https where a browser opens %s by http',
  async (path) => {
    const request = new Request(ORIGIN.replace('https:', 'http:') + path, { redirect: 'manual' })
    const response = await worker.fetch(request, env as unknown as Env)
    expect([response.status, response.headers.get('location')]).toEqual([303, ORIGIN + path])
    expect(await response.text()).toBe('')
  },
)

it('sends who wants to change the password to /account', async () => {
  const response = await send('/.well-known/change-password')
  expect([response.status, response.headers.get('location')]).toEqual([303, '/account'])
})

it('takes no other path for a page', async () => {
  for (const path of ['/accounts', '/account-x', '//account', '/oauth/authorize/x'])
    expect((await send(path)).headers.get('content-type') ?? '').not.toMatch('text/html')
})
