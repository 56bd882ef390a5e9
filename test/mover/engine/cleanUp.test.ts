// After an interrupt nothing is sent any more but what ends what this run has opened.
import { describe, expect, it } from 'vitest'
import { createWorld, type FakeWorld } from '../fakes/fakeWorld.ts'
import type { MoveEvent } from '../../../src/mover/moveEvent.ts'
import type { MoverDeps } from '../../../src/mover/moverDeps.ts'
import { moveAccount } from '../../../src/mover/moveAccount.ts'
import { passwordSource } from '../../../src/mover/peers/passwordSource.ts'
import { standardTarget } from '../../../src/mover/peers/standardTarget.ts'
import { memoryStore } from '../fakes/memoryStore.ts'
import { depsOf, obliging } from './support.ts'

const refreshTokens = ({ source, target }: FakeWorld) =>
  [source, target].map((pds) => [...pds.sessions.values()].filter(({ kind }) => kind === 'refresh').length)

/** Interrupts the move when the target is asked for this method. What is sent afterwards is kept. */
const interruptAt = async (world: FakeWorld, method: string, cleanUp: 'whole' | 'none' | 'offline') => {
  const stop = new AbortController()
  const events: MoveEvent[] = []
  const late: string[] = []
  world.target.hooks.push({
    async before(call) {
      if (call.method === method) stop.abort()
      return undefined
    },
  })
  const send = (signal: AbortSignal | undefined): MoverDeps['fetch'] =>
    async function (url, init) {
      signal?.throwIfAborted()
      if (stop.signal.aborted) late.push(new URL(url).pathname.replace('/xrpc/', ''))
      if (!signal && cleanUp === 'offline') throw new TypeError('the network is gone')
      const answer = await world.network.fetch(url, init)
      signal?.throwIfAborted()
      return answer
    }
  const deps: MoverDeps = {
    ...depsOf(world, stop.signal),
    fetch: send(stop.signal),
    ...(cleanUp === 'none' ? {} : { cleanUpFetch: send(undefined) }),
  }
  const { owner } = obliging(world)
  const failure = await moveAccount({
    account: world.handle,
    source: passwordSource({ origin: world.source.origin, identifier: world.handle, owner, deps }),
    target: standardTarget({ origin: world.target.origin, owner, deps }),
    owner,
    store: memoryStore(),
    deps,
    on: (event) => events.push(event),
  }).then(
    () => undefined,
    (cause: unknown) => cause,
  )
  const texts = (type: 'note' | 'warning') =>
    events.flatMap((event) => (event.type === type ? [event.text] : []))
  return { failure, late, notes: texts('note'), warnings: texts('warning') }
}

describe('a move that is interrupted', () => {
  it.each([
    'com.atproto.server.createAccount',
    'com.atproto.repo.importRepo',
    'com.atproto.repo.uploadBlob',
    'com.atproto.identity.submitPlcOperation',
    'com.atproto.server.activateAccount',
  ])('during %s, ends its sessions and does nothing else', async (method) => {
    const world = await createWorld()
    const { failure, late, notes } = await interruptAt(world, method, 'whole')
    expect(failure).toBeDefined()
    expect(new Set(late.filter((path) => !path.startsWith('/did:')))).toEqual(
      new Set(['com.atproto.server.deleteSession']),
    )
    // The answer of createAccount was cut off: the session in it is known to nobody.
    expect(refreshTokens(world)).toEqual([0, method.endsWith('createAccount') ? 1 : 0])
    expect(notes.join()).toContain('interrupted')
  })

  it('names the sessions that it could not end, and what ends them', async () => {
    const world = await createWorld()
    const { warnings } = await interruptAt(world, 'com.atproto.repo.importRepo', 'offline')
    for (const { origin } of [world.source, world.target])
      expect(warnings.join('\n')).toMatch(
        new RegExp(`session that this run opened on ${origin}.*the network is gone.*new password`),
      )
    expect(refreshTokens(world)).toEqual([1, 1])
  })

  it('sends nothing where it was given nothing to send it with', async () => {
    const world = await createWorld()
    const { late, warnings } = await interruptAt(world, 'com.atproto.repo.importRepo', 'none')
    expect(late).toEqual([])
    expect(warnings.filter((text) => text.includes('could not be ended'))).toHaveLength(2)
  })
})
