import { expect, it } from 'vitest'
import { createArranged } from './workerdLog.ts'

const LOST = 'uncaught exception; source = Uncaught (in promise); stack = Error: Network connection lost.\n'
const EARLY_END =
  'exception = kj/async-io.c++:2005: disconnected: fixed-length pipe ended prematurely\nstack: /bin/workerd@6a7f707\n'
const death = (reason: string) =>
  `uncaught exception; exception = workerd/api/actor-state.c++:1268: failed: broken.outputGateBroken; jsg.Error: ${reason}\nstack: /bin/workerd@3f5ef30\n`

it('leaves out the deaths that a test arranges, and no other', () => {
  const arranged = createArranged()
  expect(arranged(death('killed by the test'))).toBe(true)
  expect(arranged(death('killed by the schedule'))).toBe(true)
  expect(arranged(death('SQLITE_CORRUPT'))).toBe(false)
})

it('leaves out what the bucket says of an upload that ended early, and nothing of the like otherwise', () => {
  const arranged = createArranged()
  expect([LOST, EARLY_END, LOST, LOST, LOST].map(arranged)).toEqual([false, true, true, true, false])
})
