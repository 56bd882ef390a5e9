/** Sync 1.1, checked on every event of a random history as any consumer can: see src/contract/areas/firehose/inductive.ts. */
import { expect, it } from 'vitest'
import type { RepoWrite } from '../../../src/account/repo/repo.ts'
import { type Change, history, record } from '../../support/history.ts'
import { checkCommit, checkSync, type Standing } from '../../../src/contract/areas/firehose/inductive.ts'
import { LONG } from '../../support/scale.ts'
import { expectDense, serve } from '../support/subscriber.ts'

const write = (change: Change): RepoWrite => {
  const { action, collection, rkey } = change
  if (action === 'delete') return { action, collection, rkey }
  return { action, collection, rkey, record: record(change) }
}

const CHANGES = LONG ? 1500 : 300

for (const seed of ['one', 'two'])
  it(`every commit of a history of ${CHANGES} changes inverts to the tree before it (seed ${seed})`, async () => {
    const server = await serve()
    const subscription = await server.connect(0)
    const key = await server.inside((account) => account.signingKey.did)
    let commits = 0
    for (const batch of history(seed, CHANGES)) {
      await server.inside(async ({ repo, lifecycle }) => {
        await repo.commit(batch.map(write))
        if (++commits % 97 === 0) await lifecycle.emitIdentity()
      })
    }
    const { oldest, latest } = await server.inside(({ sequencer }) => ({
      oldest: sequencer.oldest() ?? 0,
      latest: sequencer.latest(),
    }))
    await subscription.until(() => subscription.last === latest, `event ${latest}`)
    expectDense(subscription, oldest, latest)
    let standing: Standing | undefined
    let checked = 0
    for (const { header, body } of subscription.frames) {
      if (header.t === '#sync') standing = await checkSync(body, key)
      if (header.t !== '#commit') continue
      if (!standing) throw new Error('a #commit before any #sync')
      standing = await checkCommit(body, standing, key)
      checked++
    }
    expect(checked).toBe(commits)
    const head = await server.inside(({ repo }) => repo.requireHead())
    expect(standing).toEqual({ rev: head.rev, data: head.data.toString() })
    subscription.close()
  })

it('an event with a missing node or a wrong prev fails the check', async () => {
  const server = await serve()
  const subscription = await server.connect(0)
  const key = await server.inside((account) => account.signingKey.did)
  for (const batch of history('three', 60)) await server.inside(({ repo }) => repo.commit(batch.map(write)))
  const latest = await server.inside(({ sequencer }) => sequencer.latest())
  await subscription.until(() => subscription.last === latest, `event ${latest}`)
  const [before, event] = subscription.frames.slice(-2)
  if (!before || !event) throw new Error('no events')
  const standing = { rev: before.body.rev }
  await checkCommit(event.body, standing, key)
  const wrong = [
    { ...event.body, prevData: event.body.commit },
    { ...event.body, ops: event.body.ops.slice(1) },
    { ...event.body, since: event.body.rev },
    { ...event.body, blocks: event.body.blocks.slice(0, 300) },
  ]
  for (const body of wrong) await expect(checkCommit(body, standing, key)).rejects.toThrow()
  subscription.close()
})
