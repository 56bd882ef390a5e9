// The AppView of the tests beside the reference PDS: what the tests with Cirrus rely on.
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'

import { startPlc } from '../../support/plc.ts'
import { startReference } from '../support/reference.ts'
import { startAppView } from './support/appview.ts'
import { findPrograms } from './support/postgres.ts'

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

it('indexes what a PDS writes, but not while it is paused, and leaves nothing behind', async () => {
  await using plc = await startPlc()
  const appview = await startAppView({ plcUrl: plc.url })
  try {
    await using pds = await startReference({
      plcUrl: plc.url,
      env: { bskyAppViewUrl: appview.url, bskyAppViewDid: appview.did },
    })
    await appview.follow(pds)
    const { agent, did, handle } = await pds.createAccount({ handle: 'alice.test' })
    const posts = async () => {
      // Asked directly, so that the PDS adds nothing of its own.
      const answer = await fetch(`${appview.url}/xrpc/app.bsky.feed.getAuthorFeed?actor=${handle}`)
      const { feed }: { feed: { post: { record: { text: string } } }[] } = await answer.json()
      return feed.map(({ post }) => post.record.text)
    }
    await agent.post({ text: 'one' })
    await appview.settle({ pdsUrl: pds.url, did })
    expect(await posts()).toEqual(['one'])

    await appview.pause()
    await agent.post({ text: 'two' })
    expect(await posts()).toEqual(['one'])

    await appview.resume()
    await appview.settle({ pdsUrl: pds.url, did })
    expect(await posts()).toEqual(['two', 'one'])
  } finally {
    await appview.close()
  }
  expect(isRunning(appview.pid)).toBe(false)
  expect(isRunning(appview.postgresPid)).toBe(false)
  expect(existsSync(appview.directory)).toBe(false)
})

it('stops its Postgres too when the process that started it is gone', async () => {
  await using plc = await startPlc()
  const appview = await startAppView({ plcUrl: plc.url })
  try {
    process.kill(appview.pid, 'SIGTERM')
    await expect.poll(() => isRunning(appview.postgresPid)).toBe(false)
  } finally {
    await appview.close()
  }
  expect(existsSync(appview.directory)).toBe(false)
})

it('says what to install where there is no Postgres', async () => {
  const empty = await mkdtemp(join(tmpdir(), 'no-postgres-'))
  try {
    expect(() => findPrograms({ path: empty, debian: empty })).toThrow(
      /apt-get install --no-install-recommends postgresql/,
    )
  } finally {
    await rm(empty, { recursive: true, force: true })
  }
})
