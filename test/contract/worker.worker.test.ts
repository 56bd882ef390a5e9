import { beforeAll, expect, it } from 'vitest'
import { CREDENTIALS, deploy, ORIGIN, type Deployed } from './deployed.ts'
import { failures, runContract } from './run.ts'

let deployed: Deployed

beforeAll(async () => {
  deployed = await deploy()
})

it('keeps the contract of every method towards anyone', async () => {
  const findings = await runContract({ url: ORIGIN, fetch: deployed.fetch })
  expect(failures(findings)).toEqual([])
  expect(findings.length).toBeGreaterThan(600)
})

it('keeps it for its owner and its admin, in every successful call that can be undone', async () => {
  const findings = await runContract({
    url: ORIGIN,
    fetch: deployed.fetch,
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
