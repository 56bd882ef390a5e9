import { expect, it } from 'vitest'
import { createRecentWrites, type LoggedWrite } from '../../../src/account/events/recentWrites.ts'
import { inWorld } from '../../handlers/support/world.ts'

it('what stays in memory is what the log has, whatever was asked before', () =>
  inWorld({}, async (world) => {
    const owner = await world.signIn()
    const repo = world.did
    const wanted = ({ path }: LoggedWrite): boolean => path.startsWith('com.example.wanted/')
    const { sql } = world.account
    const kept = createRecentWrites({ sql, wanted })
    const revs = [(await world.head()).rev]
    const record = { $type: 'com.example.wanted' }
    // Which of the revisions is asked for after each write: the newest, the oldest and what lies between, in any order.
    for (const [n, ask] of [0, 1, 0, 3, 2, 6, 0, 8, 4, 1, 11, 0].entries()) {
      world.clock.now += 1000
      await owner.com.atproto.repo.applyWrites({
        repo,
        writes: [
          {
            $type: 'com.atproto.repo.applyWrites#create',
            collection: record.$type,
            rkey: `a${n}`,
            value: record,
          },
          {
            $type: 'com.atproto.repo.applyWrites#create',
            collection: record.$type,
            rkey: `b${n}`,
            value: record,
          },
          {
            $type: 'com.atproto.repo.applyWrites#create',
            collection: 'com.example.other',
            rkey: `c${n}`,
            value: { $type: 'com.example.other' },
          },
        ],
      })
      revs.push((await world.head()).rev)
      const rev = revs[ask] ?? ''
      const found = kept.since(rev)
      expect(found).toEqual(createRecentWrites({ sql, wanted }).since(rev))
      const expected = Array.from({ length: n + 1 - ask }, (_, m) => n - m).flatMap((m) => [`b${m}`, `a${m}`])
      expect(found.map(({ path }) => path.replace('com.example.wanted/', ''))).toEqual(expected)
    }
    // Nothing of what was deleted from the log is claimed to be all there was.
    world.clock.now += 1000 * 3600_000
    world.account.sequencer.prune(world.clock.now, 5)
    expect(kept.since(revs[0] ?? '')).toEqual([])
    expect(kept.since(revs.at(-2) ?? '')).toHaveLength(2)
  }))
