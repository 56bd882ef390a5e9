import { beforeAll, expect, it } from 'vitest'
import { CREDENTIALS, deploy, ORIGIN, type Deployed } from './deployed.ts'
import { failures, runContract } from './run.ts'

let deployed: Deployed

beforeAll(async () => {
  deployed = await deploy()
})

/** Each run has a network of its own: it sends a wrong password to every method, and those are limited. */
const from =
  (address: string) =>
  (request: Request): Promise<Response> => {
    const sent = new Request(request)
    sent.headers.set('cf-connecting-ip', address)
    return deployed.fetch(sent)
  }

it('keeps the contract of every method towards anyone', async () => {
  const findings = await runContract({ url: ORIGIN, fetch: from('192.0.2.1') })
  expect(failures(findings)).toEqual([])
  expect(findings.length).toBeGreaterThan(600)
})

it('keeps it for its owner and its admin, in every successful call that can be undone', async () => {
  const findings = await runContract({
    url: ORIGIN,
    fetch: from('192.0.2.2'),
    write: true,
    credentials: CREDENTIALS,
  })
  expect(failures(findings)).toEqual([])
  const report = await deployed.inside(({ account }) => account.check())
  expect(report).toMatchObject({ ok: true })
})

it('serves blobs so that nothing on the way compresses them and drops their length', async () => {
  const { cids } = await deployed.call('com.atproto.sync.listBlobs', { query: `?did=${deployed.did}` })
  const [cid] = Array.isArray(cids) ? cids : []
  const query = new URLSearchParams({ did: deployed.did, cid: String(cid) })
  const answer = await deployed.fetch(new Request(`${ORIGIN}/xrpc/com.atproto.sync.getBlob?${query}`))
  expect([answer.status, answer.headers.get('content-length')]).toEqual([200, '3'])
  expect(answer.headers.get('cache-control')).toContain('no-transform')
  await answer.arrayBuffer()
})
