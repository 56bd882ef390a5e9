import { expect, it } from 'vitest'
import { checkStatement } from '../../../src/mover/proof/checkStatement.ts'
import { parseStatement } from '../../../src/mover/proof/statement.ts'
import { createWorld, type FakeWorld, postPath } from '../fakes/fakeWorld.ts'
import type { FakeAccount } from '../fakes/types.ts'
import { runMove, stepsOf } from './support.ts'

/** Does something to the target's account just before it is activated: after all that was sent was seen to be there. */
const beforeActivation = (world: FakeWorld, change: (account: FakeAccount) => unknown) => {
  world.target.hooks.push({
    async before({ method }) {
      const account = world.target.accounts.get(world.did)
      if (method === 'com.atproto.server.activateAccount' && account) await change(account)
      return undefined
    },
  })
}

it('keeps a statement of what was found, which can be checked without a server', async () => {
  const world = await createWorld()
  const { store } = await runMove(world)
  const text = new TextDecoder().decode(store.files.get('statement.json'))
  const signed = parseStatement(JSON.parse(text))
  expect(signed.statement).toMatchObject({
    complete: true,
    records: { same: 12, added: 0, changed: 0, goneCount: 0 },
    blobs: { referenced: 3, present: 3, hashed: 3 },
  })
  const failed = (await checkStatement(signed)).filter(({ level }) => level === 'fail')
  expect(failed).toEqual([])
})

it('finds a blob that the target has forgotten since, and then the source stays active', async () => {
  const world = await createWorld()
  const [cid = ''] = world.account.blobs.keys()
  beforeActivation(world, ({ blobs }) => blobs.delete(cid))
  const { report, events } = await runMove(world)
  expect(report).toMatchObject({ ok: false, missing: [cid], activated: true, sourceDeactivated: false })
  expect(report.next).toContain('run the same command again')
  expect(stepsOf(events)).toContain('deactivate open')
  expect(world.account.active).toBe(true)
})

it('finds a record that the target has lost since, and goes no further', async () => {
  const world = await createWorld()
  beforeActivation(world, (account) => world.target.write(account, { [postPath(1)]: undefined }))
  await expect(runMove(world)).rejects.toMatchObject({
    code: 'copy-incomplete',
    message: expect.stringContaining(postPath(1)),
  })
  expect(world.account.active).toBe(true)
})
