import { afterEach } from 'vitest'
import { post } from './account.ts'
import type { Server, Subscription } from './subscriber.ts'

const open: Subscription[] = []
afterEach(() => {
  for (const subscription of open.splice(0)) if (!subscription.closed) subscription.close()
})

/** Connects a subscriber, and closes it after the test. */
export const connect = async (
  server: Server,
  ...args: Parameters<Server['connect']>
): Promise<Subscription> => {
  const subscription = await server.connect(...args)
  open.push(subscription)
  return subscription
}

/** The numbers of the oldest and the latest event that are stored. */
export const range = (server: Server) =>
  server.inside(({ sequencer }) => ({ oldest: sequencer.oldest() ?? 0, latest: sequencer.latest() }))

let keys = 0
/** Makes so many commits, one after the other. */
export const write = (server: Server, count: number, size = 10) =>
  server.inside(async ({ repo }) => {
    for (let i = 0; i < count; i++) await repo.commit([post(`k${keys++}`, 'x'.repeat(size))])
  })

/** Waits until the subscriber has the latest event, and returns its number. */
export const caughtUp = async (subscription: Subscription, server: Server) => {
  const { latest } = await range(server)
  await subscription.until(() => subscription.last === latest, `event ${latest}`)
  return latest
}
