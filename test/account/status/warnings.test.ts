import { describe, expect, it } from 'vitest'
import { type Measured, warningsOf } from '../../../src/account/status/warnings.ts'

const DAY_MS = 24 * 3600_000
const small: Measured = {
  databaseBytes: 33e6,
  repositoryBytes: 33e6,
  rowsWritten: 2000,
  uptimeMs: 3600_000,
  subscribers: 3,
  wasFull: false,
  configuredHandle: 'alice.example.com',
  handle: 'alice.example.com',
}

const names = (changes: Partial<Measured>) => warningsOf({ ...small, ...changes }).map(({ name }) => name)

describe('a warning', () => {
  it('is not given to an ordinary account', () => {
    expect(warningsOf(small)).toEqual([])
  })

  it.for<[string, Partial<Measured>, Partial<Measured>]>([
    ['database-size', { databaseBytes: 7.99e9 }, { databaseBytes: 8e9 }],
    ['repository-size', { repositoryBytes: 79.9e6 }, { repositoryBytes: 80e6 }],
    ['rows-written', { rowsWritten: 79_999 }, { rowsWritten: 80_000 }],
    [
      'rows-written',
      { rowsWritten: 159_000, uptimeMs: 2 * DAY_MS },
      { rowsWritten: 160_000, uptimeMs: 2 * DAY_MS },
    ],
    ['firehose-full', { subscribers: 799 }, { subscribers: 800 }],
    ['firehose-full', {}, { wasFull: true }],
  ])('is given from 80 %% of a limit: %s', ([name, below, from]) => {
    expect(names(below)).toEqual([])
    expect(names(from)).toEqual([name])
  })

  it('is given where HANDLE has no effect, with both ways out', () => {
    const [warning] = warningsOf({ ...small, handle: 'alice.example.org' })
    expect(warning?.name).toBe('handle-unused')
    expect(warning?.message).toContain('`pds handle alice.example.com`')
    expect(warning?.message).toContain('set HANDLE to alice.example.org')
  })

  it('says how much there is, and what happens at the limit', () => {
    const [warning] = warningsOf({ ...small, repositoryBytes: 95.4e6 })
    expect(warning?.message).toContain('95 MB, 95 % of the 100 MB')
    expect(warning?.message).toContain('other servers and tools may not')
  })
})
