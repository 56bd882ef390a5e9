import { describe, expect, it } from 'vitest'
import { HOST, against, fake } from './fake.ts'

describe('pds request-crawl', () => {
  const CRAWL = 'com.cirrus.admin.requestCrawl'
  const relay = 'https://relay.example.com'

  it('asks the named relays, and says what each answered', async () => {
    const server = fake({ [CRAWL]: { hostname: HOST, results: [{ relay, ok: true }] } })
    const asked = await against(server, ['request-crawl', '--relay', `${relay}/`])
    expect([asked.code, asked.stdout]).toEqual([
      0,
      `Asked to crawl ${HOST}:\nhttps://relay.example.com  asked\n`,
    ])
    expect(server.calls.find(({ method }) => method === CRAWL)?.body).toEqual({ relays: [relay] })
  })

  it('exits with 3 if a relay refuses, and with 0 if none is configured', async () => {
    const refusal = { relay, ok: false, error: 'it answered 403 \u001b[31mno' }
    const refused = await against(fake({ [CRAWL]: { hostname: HOST, results: [refusal] } }), [
      'request-crawl',
    ])
    expect(refused.code).toBe(3)
    expect(refused.stdout).toMatch(/it answered 403[^]*docs\/troubleshoot\.md#crawl-refused/)
    expect(refused.stdout).not.toContain('\u001b')
    const none = await against(fake({ [CRAWL]: { hostname: HOST, results: [] } }), ['request-crawl'])
    expect([none.code, none.stdout]).toEqual([0, expect.stringContaining('No relay is configured')])
  })

  it('says why it cannot ask: the account is not active, or the relay is not a URL', async () => {
    const error = new Response(JSON.stringify({ error: 'AccountNotActive', message: 'deactivated' }), {
      status: 400,
      headers: { 'content-type': 'application/json' },
    })
    const told = await against(fake({ [CRAWL]: error }), ['request-crawl', '--json'])
    expect(told.json).toMatchObject({ error: { code: 'account-not-active' } })
    expect((await against(fake(), ['request-crawl', '--relay', 'relay'])).code).toBe(2)
  })
})
