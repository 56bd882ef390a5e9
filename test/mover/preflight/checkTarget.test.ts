import { describe, expect, it } from 'vitest'
import { worst } from '../../../src/mover/check.ts'
import { checkTarget } from '../../../src/mover/preflight/checkTarget.ts'
import type { PreflightTarget } from '../../../src/mover/preflight/preflightTypes.ts'
import { createWorld } from '../fakes/fakeWorld.ts'
import { depsOf } from '../engine/support.ts'

const MB = 1_000_000

/** What is said of a repository of this size that moves to a Cirrus. */
const check = async (repoBytes: number, target: Partial<PreflightTarget> = {}) => {
  const world = await createWorld()
  const who = {
    did: world.did,
    handle: world.handle,
    pds: undefined,
    signingKeys: [],
    log: undefined,
    head: undefined,
  }
  const checks = await checkTarget(
    depsOf(world),
    {
      who,
      source: { origin: 'https://old.example', client: world.source as never, answersOwner: true },
      ownerKeys: [],
      allBlobs: false,
    },
    {
      target: {
        kind: 'cirrus',
        origin: 'https://new.example',
        ownHandle: world.handle,
        state: async () => 'absent',
        description: { did: 'did:web:new.example', inviteCodeRequired: false, availableUserDomains: [] },
        ...target,
      },
      contents: { repoBytes },
    },
  )
  return { checks, size: checks.find(({ id }) => id === 'repository-size') }
}

describe('a repository that moves to a Cirrus', () => {
  it('fits into a request', async () => {
    const { checks, size } = await check(99 * MB)
    expect(size).toBeUndefined()
    expect(worst(checks)).toBe('pass')
  })

  it('is too large for one: it is fetched, or comes in parts', async () => {
    const { checks, size } = await check(101 * MB)
    expect(size).toMatchObject({
      level: 'pass',
      seen: 'the repository has 101.0 MB; https://new.example takes 100 MB in a request, and gets it in parts',
    })
    expect(worst(checks)).toBe('pass')
    expect((await check(101 * MB, { pull: async () => {} })).size?.seen).toContain('fetches it itself')
    expect((await check(101 * MB, { kind: 'standard' })).size).toBeUndefined()
  })
})
