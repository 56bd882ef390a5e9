import { decode } from '@atproto/lex-cbor'
import { describe, expect, it } from 'vitest'
import { DID, inAccount, post } from './support/account.ts'

describe('the journal', () => {
  it('is a chain that shows any change, and pages newest first', () =>
    inAccount(async ({ journal, sql }) => {
      expect(() => journal.append('mint')).toThrow('transaction')
      for (let i = 1; i <= 7; i++)
        sql.transaction(() => journal.append('mint', { i, b: { d: 1, c: [true, null] } }))
      expect(journal.verify()).toEqual({ ok: true, entries: 7 })
      const first = journal.page({ limit: 4 })
      expect(first.entries.map(({ n }) => n)).toEqual([7, 6, 5, 4])
      expect(first.entries[0]?.detail).toEqual({ i: 7, b: { d: 1, c: [true, null] } })
      const second = journal.page({ limit: 4, cursor: first.cursor })
      expect(second.entries.map(({ n }) => n)).toEqual([3, 2, 1])
      expect(second.cursor).toBeUndefined()
      for (const damage of [
        `UPDATE journal SET detail = '{}' WHERE n = 3`,
        'UPDATE journal SET at = at + 1 WHERE n = 3',
        `UPDATE journal SET event = 'sign' WHERE n = 3`,
        'DELETE FROM journal WHERE n = 3',
        'DELETE FROM journal WHERE n = 1',
      ]) {
        expect(() =>
          sql.transaction(() => {
            sql.run(damage)
            expect(journal.verify().ok).toBe(false)
            throw new Error('undo')
          }),
        ).toThrow('undo')
        expect(journal.verify().ok).toBe(true)
      }
    }))
})

describe('the latest entries', () => {
  const failed = { why: 'password' }

  it('are not pushed out by failed sign-ins, which are counted', () =>
    inAccount(async ({ journal, sql, clock }) => {
      expect(journal.recent(3)).toEqual([])
      const append = (event: string, times = 1) =>
        sql.transaction(() => {
          for (let i = 0; i < times; i++) journal.append(event, event === 'failed-sign-in' ? failed : {})
        })
      const shown = (limit: number) =>
        journal.recent(limit).map(({ event, detail }) => [event, detail['times']])
      append('failed-sign-in', 2)
      expect(shown(3)).toEqual([['failed-sign-in', 2]])
      append('activate')
      append('mint')
      append('failed-sign-in', 300)
      const at = clock.now - 1
      expect(journal.recent(20)[0]).toMatchObject({
        at,
        event: 'failed-sign-in',
        detail: { ...failed, times: 300 },
      })
      expect(shown(20)).toEqual([
        ['failed-sign-in', 300],
        ['mint', undefined],
        ['activate', undefined],
        ['failed-sign-in', 2],
      ])
      expect(shown(2)).toEqual([
        ['failed-sign-in', 300],
        ['mint', undefined],
      ])
      append('sign')
      expect(shown(1)).toEqual([['sign', undefined]])
      for (const event of [
        'failed-create-account',
        'failed-sign-in',
        'failed-create-account',
        'failed-sign-in',
      ])
        append(event)
      expect(shown(3)).toEqual([
        ['failed-sign-in', 2],
        ['failed-create-account', 2],
        ['sign', undefined],
      ])
    }))
})

describe('the event log', () => {
  it('numbers events without gaps, never twice, and stores the bodies of their frames', () =>
    inAccount(async ({ sequencer, repo, events, sql, clock, restart }) => {
      await repo.create()
      const start = sequencer.latest()
      await repo.commit([post('a', 'x')])
      sequencer.transaction(() => {
        sequencer.appendAccount(false, 'deactivated')
        sequencer.appendIdentity('alice.test')
      })
      expect(() =>
        sequencer.transaction(() => {
          sequencer.appendIdentity()
          throw new Error('undone')
        }),
      ).toThrow('undone')
      await repo.commit([post('b', 'x')])
      expect(events.map(({ seq, type }) => [seq - start, type])).toEqual([
        [1, 'commit'],
        [2, 'account'],
        [3, 'identity'],
        [4, 'commit'],
      ])
      const read = sequencer.read(start + 1, 2)
      expect(read.map(({ body }) => decode(body))).toEqual([
        {
          did: DID,
          active: false,
          status: 'deactivated',
          seq: start + 2,
          time: new Date(read[0]?.time ?? 0).toISOString(),
        },
        { did: DID, handle: 'alice.test', seq: start + 3, time: new Date(read[1]?.time ?? 0).toISOString() },
      ])
      expect(sequencer.prune(clock.now + 1, 2)).toEqual({ pruned: 2, more: true })
      expect(sequencer.oldest()).toBe(start + 3)
      sequencer.prune(clock.now + 1, 100)
      expect(sql.all('SELECT * FROM event')).toEqual([])
      const again = restart().sequencer
      expect(again.latest()).toBe(start + 4)
      expect(again.transaction(() => again.appendIdentity()).seq).toBe(start + 5)
    }))
})

describe('preferences', () => {
  it('are returned as they were put', () =>
    inAccount(async ({ preferences }) => {
      const full = { personalDetails: true }
      const some = [{ $type: 'app.bsky.actor.defs#adultContentPref', enabled: true }]
      preferences.put(some, full)
      expect(preferences.get(full)).toEqual(some)
      preferences.put([], full)
      expect(preferences.get(full)).toEqual([])
      expect(() => preferences.put([{ $type: 'com.example.pref' }], full)).toThrow('app.bsky')
    }))
})
