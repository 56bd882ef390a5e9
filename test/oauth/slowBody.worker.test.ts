import { expect, it } from 'vitest'
import { inWorld } from '../handlers/support/world.ts'

it('a body that does not end is refused after ten seconds, and its sender is not waited for', () =>
  inWorld({}, async (world) => {
    let isCancelled = false
    const waiting = Promise.withResolvers<void>()
    let pulls = 0
    const body = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          if (pulls++ === 0) return controller.enqueue(new TextEncoder().encode('client_id='))
          waiting.resolve()
          return new Promise(() => {})
        },
        cancel: () => {
          isCancelled = true
        },
      },
      { highWaterMark: 0 },
    )
    const answer = world.fetch('/oauth/token', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body,
    })
    await waiting.promise
    const [timer, ...others] = world.timers
    expect([timer?.ms, others]).toEqual([10_000, []])
    timer?.ring()
    const response = await answer
    expect([response.status, await response.json()]).toMatchObject([408, { error: 'invalid_request' }])
    expect(isCancelled).toBe(true)
  }))
