import { once } from 'node:events'
import { createServer } from 'node:http'
import { afterEach, expect, test, vi } from 'vitest'
import { checkUrl, outbound, OutboundError, type OutboundRequest } from '../src/outbound.ts'

afterEach(() => void vi.useRealTimers())

const HOSTILE = [
  '',
  'not a url',
  '/relative',
  'http://example.com/',
  'ftp://example.com/',
  'file:///etc/passwd',
  'data:text/plain,x',
  'javascript:alert(1)',
  'wss://example.com/',
  'https://example.com:8443/',
  'https://example.com:80/',
  'https://user@example.com/',
  'https://user:pass@example.com/',
  'https://example.com@127.0.0.1/',
  // Addresses in every notation.
  'https://127.0.0.1/',
  'https://127.1/',
  'https://2130706433/',
  'https://0x7f000001/',
  'https://0x7f.0.0.1/',
  'https://0177.0.0.1/',
  'https://017700000001/',
  'https://0/',
  'https://8.8.8.8/',
  'https://10.0.0.1/',
  'https://169.254.169.254/latest/meta-data/',
  'https://192.168.0.1/',
  'https://１２７.０.０.１/',
  'https://①②⑦.⓪.⓪.①/',
  'https://127。0。0。1/',
  'https://%31%32%37.0.0.1/',
  'https://127.0.0.1./',
  'https://[::1]/',
  'https://[::]/',
  'https://[::ffff:127.0.0.1]/',
  'https://[fe80::1]/',
  'https://[fd00:ec2::254]/',
  'https://[2001:4860:4860::8888]/',
  // Local names.
  'https://localhost/',
  'https://LOCALHOST/',
  'https://localhost./',
  'https://foo.localhost/',
  'https://intranet/',
  'https://printer.local/',
  'https://metadata.google.internal/',
  'https://pds.test/',
  'https://router.lan/',
  'https://router.home/',
  'https://router.home.arpa/',
  'https://1.0.0.127.in-addr.arpa/',
  'https://hidden.onion/',
  'https://x.invalid/',
  'https://pds.example/',
  'https://db.corp/',
  'https://kubernetes.default.svc/',
  'https://kubernetes.default.svc.cluster.local/',
  'https://vault.service.consul/',
  'https://registry.docker/',
  // Public names of private addresses.
  'https://127.0.0.1.nip.io/',
  'https://app.10.0.0.1.nip.io/',
  'https://app-192-168-1-250.nip.io/',
  'https://7f000001.nip.io/',
  'https://app-c0a801fa.nip.io/',
  'https://8.8.8.8.7f000001.nip.io/',
  'https://8.8.8.8.127.0.0.1.nip.io/',
  'https://nip.io/',
  'https://169-254-169-254.sslip.io/',
  'https://www.172-31-0-1.sslip.io/',
  'https://--1.sslip.io/',
  'https://fe80--1.sslip.io/',
  'https://fd00-1-2-3-4-a-b-c.sslip.io/',
  'https://10.1.2.3.xip.io/',
  'https://192-168-1-5.0123456789abcdef.plex.direct/',
  'https://make-127.0.0.1-rebind-8.8.8.8-rr.1u.ms/',
  'https://7f000001.c0a80001.rbndr.us/',
  'https://localtest.me/',
  'https://a.b.localtest.me/',
  'https://lvh.me/',
  'https://LVH.me/',
  'https://x.vcap.me/',
  'https://10.0.0.5.example.com/',
  'https://ip-100-64-0-1.example.com/',
  'https://0.0.0.0.example.com/',
  'https://example.com./',
  'https://.example.com/',
  'https://a..example.com/',
  `https://example.com/${'x'.repeat(5000)}`,
]

test.each(HOSTILE)('%j is refused', async (url) => {
  const fetch = vi.fn<typeof globalThis.fetch>()
  await expect(outbound({ fetch }, { dev: false })(url)).rejects.toMatchObject({ code: 'Blocked' })
  expect(fetch).not.toHaveBeenCalled()
})

test.each(
  HOSTILE.filter((url) => !/^https:\/\/(localhost|127|2130706433|0x7f|0177|017|１|①|%31|\[::1])/i.test(url)),
)('%j is refused in development too', (url) => {
  expect(() => checkUrl(url, { dev: true })).toThrow(OutboundError)
})

test('loopback is open in development only', () => {
  for (const url of ['http://localhost:2583/x', 'http://127.0.0.1:2583/', 'http://[::1]:2583/']) {
    expect(checkUrl(url, { dev: true }).href).toBe(url)
    expect(() => checkUrl(url, { dev: false })).toThrow('not https')
  }
})

test('public names are asked', () => {
  for (const url of [
    'https://plc.directory/did:plc:x',
    'https://example.com:443/',
    'https://bücher.de/',
    // Names may have numbers in them, and the address of a server of one's own.
    'https://pds-8-8-8-8.example.com/',
    'https://2026-11-29.example.com/',
    'https://1-2-3.example.com/',
    'https://my-10-20-30.example.com/',
    'https://8-8-8-8.sslip.io/',
    'https://pds.8.8.8.8.nip.io/',
    'https://notlvh.me/',
    'https://svc.example.com/',
  ])
    expect(checkUrl(url, { dev: false }).protocol).toBe('https:')
})

/** Answers once, and keeps the request. */
const fake = (answer: () => Response | Promise<Response>) => {
  const seen: { url: string; headers: Record<string, string>; init: RequestInit }[] = []
  const fetch = async (url: unknown, init: RequestInit = {}) => {
    seen.push({ url: String(url), headers: Object.fromEntries(new Headers(init.headers)), init })
    return await answer()
  }
  // outbound uses only one of fetch's forms.
  const send = outbound({ fetch: fetch as typeof globalThis.fetch }, { dev: false })
  return { seen, send: (request?: OutboundRequest) => send('https://example.com/', request) }
}

test("the caller's credentials never leave", async () => {
  const { seen, send } = fake(() => new Response('ok'))
  const headers = {
    Authorization: 'Bearer caller',
    Cookie: 'a=b',
    DPoP: 'x',
    Host: 'evil.example.com',
    'X-Forwarded-For': '1.2.3.4',
    'Proxy-Authorization': 'x',
    'Content-Type': 'application/json',
    'Accept-Language': 'de',
  }
  await send({ headers })
  await send({ headers: new Headers(headers), bearer: 'ours', accept: 'application/json' })
  const always = { 'accept-language': 'de', 'content-type': 'application/json', 'user-agent': 'cirrus-pds' }
  expect(seen[0]?.headers).toEqual(always)
  expect(seen[1]?.headers).toEqual({ ...always, authorization: 'Bearer ours', accept: 'application/json' })
  expect(seen[0]?.init.redirect).toBe('manual')
})

test.each([301, 302, 303, 307, 308, 304])('a redirect (%i) is not followed', async (status) => {
  const { seen, send } = fake(
    () => new Response(null, { status, headers: { location: 'https://127.0.0.1/' } }),
  )
  await expect(send()).rejects.toMatchObject({ code: 'Redirect', status })
  await expect(send({ statuses: 'any' })).rejects.toMatchObject({ code: 'Redirect' })
  expect(seen.length).toBe(2)
})

test('a status that is not 2xx is an error unless it is expected', async () => {
  const { send } = fake(() => new Response('no', { status: 404 }))
  await expect(send()).rejects.toMatchObject({ code: 'BadStatus', status: 404 })
  const answer = await send({ statuses: [404] })
  expect([answer.status, await answer.text()]).toEqual([404, 'no'])
})

test('a body above the limit is cut off while it streams', async () => {
  let pulled = 0
  let cancelled = false
  const endless = () =>
    new Response(
      new ReadableStream<Uint8Array>({
        pull: (controller) => {
          pulled++
          controller.enqueue(new Uint8Array(1000))
        },
        cancel: () => void (cancelled = true),
      }),
    )
  const { send } = fake(endless)
  await expect((await send({ maxBytes: 10_000 })).bytes()).rejects.toMatchObject({ code: 'TooLarge' })
  expect(pulled).toBeLessThan(20)
  expect(cancelled).toBe(true)
})

test('a body that announces too much is not read', async () => {
  const { send } = fake(() => new Response('x', { headers: { 'content-length': '10001' } }))
  await expect((await send({ maxBytes: 10_000 })).text()).rejects.toMatchObject({ code: 'TooLarge' })
})

test('a body of exactly the cap is taken', async () => {
  const { send } = fake(() => new Response(new Uint8Array(10_000)))
  expect((await (await send({ maxBytes: 10_000 })).bytes()).byteLength).toBe(10_000)
})

test('what is not JSON and what cannot be reached are network errors', async () => {
  await expect((await fake(() => new Response('<html>')).send()).json()).rejects.toMatchObject({
    code: 'Network',
  })
  const down = fake(() => Promise.reject(new TypeError('secret detail')))
  await expect(down.send()).rejects.toMatchObject({
    code: 'Network',
    message: 'example.com could not be reached',
  })
})

/** Timers that only the test moves. */
const outOfTime = () => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })

test('a server that never answers, or stops in the middle, runs into the time-out of 10 seconds', async () => {
  const clock = outOfTime()
  try {
    const silent = expect(fake(() => new Promise(() => {})).send()).rejects.toMatchObject({ code: 'Timeout' })
    await clock.advanceTimersByTimeAsync(9_999)
    expect(vi.getTimerCount()).toBe(1)
    await clock.advanceTimersByTimeAsync(1)
    await silent
    const stuck = () => new Response(new ReadableStream({ start: (c) => c.enqueue(new Uint8Array(1)) }))
    const half = (await fake(stuck).send()).bytes()
    const refused = expect(half).rejects.toMatchObject({ code: 'Timeout' })
    await clock.advanceTimersByTimeAsync(10_000)
    await refused
  } finally {
    vi.useRealTimers()
  }
})

test('no timer is left once the answer was read, refused or given up, for it would keep the object awake', async () => {
  outOfTime()
  try {
    await (await fake(() => new Response('text')).send()).text()
    await (await fake(() => new Response(null, { status: 200 })).send()).bytes()
    await (await fake(() => new Response('text')).send()).stream().cancel()
    await expect(fake(() => new Response('', { status: 404 })).send()).rejects.toThrow('404')
    await expect(fake(() => Promise.reject(new TypeError('down'))).send()).rejects.toThrow('reached')
    await expect((await fake(() => new Response('too long')).send({ maxBytes: 1 })).text()).rejects.toThrow(
      'more than 1',
    )
    expect(vi.getTimerCount()).toBe(0)
  } finally {
    vi.useRealTimers()
  }
})

test('against a real server: loopback in development, redirects refused', async () => {
  const server = createServer((req, res) => {
    if (req.url === '/redirect') return res.writeHead(302, { location: '/' }).end()
    res
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ auth: req.headers.authorization ?? null }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const base = `http://localhost:${typeof address === 'object' ? address?.port : ''}`
  try {
    const send = outbound({ fetch }, { dev: true })
    const answer = await send(base, { headers: { authorization: 'Bearer caller' } })
    expect(await answer.json()).toEqual({ auth: null })
    await expect(send(`${base}/redirect`)).rejects.toMatchObject({ code: 'Redirect' })
  } finally {
    server.close()
    server.closeAllConnections()
  }
})
