import { describe, expect, it } from 'vitest'
import { MoverError } from '../../../src/mover/moverError.ts'
import { LOSING_FAULTS } from '../fakes/faults/losing.ts'
import { SOURCE_FAULTS } from '../fakes/faults/sources.ts'
import { REFUSING_FAULTS, TARGET_FAULTS } from '../fakes/faults/targets.ts'
import { lacking, worldWith } from './support.ts'

describe('everything arrives', () => {
  it('with servers that do what they should, each blob sent once', async () => {
    const world = await worldWith()
    const { sent, blobs, preferences, facts } = await world.copy()
    expect(sent.outcome).toBe('sent')
    expect(blobs).toMatchObject({ needed: 3, already: 0, copied: 3, missing: [] })
    expect(preferences).toEqual({ outcome: 'copied', count: 1, left: [] })
    expect(facts).toMatchObject({ records: 12, malformed: [], signedBy: world.account.signingKey.did() })
    expect(lacking(world)).toEqual([])
    expect(world.target.calls.get('com.atproto.repo.uploadBlob')).toBe(3)
    expect(world.target.calls.get('com.atproto.repo.importRepo')).toBe(1)
  })

  it.each([...SOURCE_FAULTS, ...TARGET_FAULTS])('though $name', async (fault) => {
    const world = await worldWith([fault])
    const { blobs } = await world.copy()
    expect(blobs.missing).toEqual([])
    expect(lacking(world)).toEqual([])
  })

  it.each([...SOURCE_FAULTS, ...TARGET_FAULTS])(
    'also on a second run, which sends nothing again, though $name',
    async (fault) => {
      const world = await worldWith([fault])
      await world.copy()
      const uploads = world.target.calls.get('com.atproto.repo.uploadBlob')
      const imports = world.target.calls.get('com.atproto.repo.importRepo')
      const shows = fault.name !== 'an inactive account shows nothing to its owner'
      const { sent, how } = await world.copy()
      expect(how).toBe(fault.name === 'getLatestCommit does not exist' ? 'whole' : 'here')
      expect(world.target.calls.get('com.atproto.repo.uploadBlob')).toBe(uploads)
      if (!shows) return
      expect(sent.outcome).toBe('already')
      expect(world.target.calls.get('com.atproto.repo.importRepo')).toBe(imports)
    },
  )
})

describe('what stays behind is named, with its side and reason', () => {
  const REASONS: Record<string, [side: string, reason: string]> = {
    'the source has lost a blob': ['source', 'not-found'],
    'getBlob answers 404 with a name of its own': ['source', 'not-found'],
    'getBlob answers 404 in HTML': ['source', 'not-found'],
    'getBlob fails for ever': ['source', 'failing'],
    'getBlob has other bytes for ever': ['source', 'wrong-bytes'],
    'getBlob redirects to itself': ['source', 'failing'],
    'the target takes no blob of this size': ['target', 'too-large'],
    'the target takes no more blobs today': ['target', 'rate-limited'],
    'the target keeps no blobs': ['target', 'not-kept'],
  }
  it.each(LOSING_FAULTS)('$name', async (fault) => {
    const world = await worldWith([fault])
    const { blobs } = await world.copy()
    const [side, reason] = REASONS[fault.name] ?? []
    expect(blobs.missing.length).toBeGreaterThan(0)
    for (const one of blobs.missing)
      expect(one).toMatchObject({ side, reason, path: expect.stringMatching(/^app\./) })
    expect(blobs.missing.map(({ cid }) => cid).toSorted()).toEqual(
      [...world.account.repo.blobs].filter((cid) => !world.there.blobs.has(cid)).toSorted(),
    )
    expect(blobs.copied + blobs.missing.length).toBe(blobs.needed)
    // What the owner agreed to leave behind is not asked for again.
    const again = await world.copy(blobs.missing.map(({ cid }) => cid))
    expect(again.blobs.missing).toEqual([])
  })
})

describe('a target that cannot take the repository is found out', () => {
  it.each(REFUSING_FAULTS)('$name', async (fault) => {
    const world = await worldWith([fault])
    const error = await world.copy().catch((cause: unknown) => cause)
    expect(error).toBeInstanceOf(MoverError)
    expect(error).toMatchObject({ code: fault.code })
    expect(lacking(world).length).toBeGreaterThan(0)
  })
})
