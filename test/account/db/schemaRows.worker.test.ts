/** What the rows of an earlier version become, beyond what its account shows. */
import { encode } from '@atproto/lex-cbor'
import { describe, expect, it, vi } from 'vitest'
import { cborCid } from '../../../src/repo/cid.ts'
import { nextTid } from '../../../src/repo/tid.ts'
import { POST } from '../support/account.ts'
import { fixtures, inFixture, lost, sound, tidy } from '../support/versions.ts'

vi.setConfig({ testTimeout: 60_000 })

const [first, second, third] = fixtures

it('of schema version 3 the past is known from the newest pack on: what is before may be half gone', () =>
  inFixture(third ?? lost(), async (open) => {
    const { blocks, sql } = open()
    const known = Object.keys(third?.since ?? {}).map((rev) => blocks.history.knows(rev))
    expect(known).toEqual([false, false, true, true])
    const newest = sql.first<{ rev: string; loose: number }>(
      'SELECT rev, loose FROM pack ORDER BY id DESC LIMIT 1',
    )
    expect(sql.all('SELECT n, begins, ends, length(gone) AS gone FROM trail')).toEqual([
      { n: newest?.loose, begins: newest?.rev, ends: newest?.rev, gone: 0 },
    ])
  }))

describe('the rows of blocks', () => {
  it('of any size, and many of one revision, become rows that the storage takes', () =>
    inFixture(second ?? lost(), async (open, { sql }) => {
      const [made] = Object.keys(second?.since ?? {})
      const cids = Array.from({ length: 12 }, (_, i) => {
        const bytes = encode({ $type: POST, text: 'x'.repeat(i % 2 === 0 ? 900_000 + i : 1_899_900 - i) })
        const cid = cborCid(bytes)
        sql.exec('INSERT INTO block VALUES (?, ?, ?, ?)', cid.bytes, made, second?.head.rev, bytes)
        return cid
      })
      const dropped = Buffer.concat(cids.map((cid) => cid.bytes))
      sql.exec('INSERT INTO garbage VALUES (?, 99, 0, ?)', second?.head.rev, dropped)
      const account = open()
      const { largest } =
        account.sql.first<{ largest: number }>('SELECT max(length(bytes)) AS largest FROM loose') ?? {}
      expect(largest).toBeLessThan(1_900_100)
      await sound(account)
      for (const cid of cids)
        expect([account.blocks.read(cid)?.length, account.blocks.isCurrent(cid)]).toEqual([
          expect.any(Number),
          false,
        ])
      tidy(account)
      expect(cids.filter((cid) => account.blocks.read(cid))).toEqual([])
      await sound(account)
    }))

  it('of an import that did not end are no longer there, also where the head has gone past it', () =>
    inFixture(second ?? lost(), async (open, { sql }) => {
      const past = nextTid(Date.parse('2026-11-22T12:00:00Z'))
      const { rowsWritten } = sql.exec(
        'UPDATE block SET made = ? WHERE made = (SELECT staging FROM account)',
        past,
      )
      expect(rowsWritten).toBeGreaterThan(20)
      sql.exec('UPDATE account SET staging = ?', past)
      await sound(open())
    }))

  it('of an import that did not end are no longer there, where there was no repository yet', () =>
    inFixture(first ?? lost(), async (open, { sql }) => {
      const staging = Object.keys(first?.since ?? {})[0]
      sql.exec('DELETE FROM garbage; DELETE FROM record; DELETE FROM blob_ref; DELETE FROM event')
      sql.exec('UPDATE OR REPLACE block SET dropped = NULL, made = ?', staging)
      sql.exec(
        'UPDATE account SET root = NULL, data = NULL, rev = NULL, blocks = 0, records = 0, staging = ?',
        staging,
      )
      const account = open()
      expect(account.sql.all('SELECT 1 FROM loose')).toEqual([])
      await sound(account)
      await account.repo.create()
      await sound(account)
    }))
})
