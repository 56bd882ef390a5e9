import { beforeAll, expect, it } from 'vitest'
import { CREDENTIALS, deploy, ORIGIN, type Deployed } from './deployed.ts'
import { failures, runContract } from './run.ts'

let deployed: Deployed

beforeAll(async () => {
  deployed = await deploy()
})

it('keeps the contract of every method, as anyone sees it', { timeout: 60_000 }, async () => {
  const findings = await runContract({ url: ORIGIN, fetch: deployed.fetch })
  expect(failures(findings)).toEqual([])
  expect(findings.length).toBeGreaterThan(600)
})

it('keeps it for its owner and its admin, through a day of work', { timeout: 60_000 }, async () => {
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
