import { expect, it } from 'vitest'
import { createWorld } from '../fakes/fakeWorld.ts'
import { NEW_HANDLE, runMove, stepsOf } from './support.ts'

it('moves an account between two PDSes, and ends with nothing missing', async () => {
  const world = await createWorld()
  const { report, events, asked } = await runMove(world)
  expect(report).toMatchObject({
    ok: true,
    missing: [],
    activated: true,
    sourceDeactivated: true,
    handle: NEW_HANDLE,
  })
  expect(stepsOf(events)).toMatchInlineSnapshot(`
    [
      "who done",
      "preflight done",
      "account done",
      "repository done",
      "blobs done",
      "preferences done",
      "preview done",
      "confirm done",
      "sign done",
      "compare done",
      "submit done",
      "catchUp already",
      "activate done",
      "verify done",
      "deactivate done",
      "lateRecords already",
    ]
  `)
  expect(asked.map(({ name }) => name)).toMatchInlineSnapshot(`
    [
      "sourcePassword",
      "handle",
      "email",
      "newPassword",
      "rotationKey",
      "confirm",
      "plcCode",
      "confirm",
    ]
  `)
})
