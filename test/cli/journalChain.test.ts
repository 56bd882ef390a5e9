import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { canonicalJson } from '../../src/canonicalJson.ts'
import { createChainVerifier, FIRST_PREV, type JournalEntry } from '../../src/cli/journalChain.ts'

// Written out by hand from the lexicon of getJournal.
const entry = (n: number, prev: string, detail: string): JournalEntry => {
  const at = '2026-11-22T10:00:00.000Z'
  const hash = createHash('sha256').update(`${prev}\n${n}\n1795341600000\n"mint"\n${detail}`).digest('hex')
  return { n, at, event: 'mint', detail: JSON.parse(detail), prev, hash }
}
const first = entry(1, FIRST_PREV, '{}')
const second = entry(2, first.hash, '{"a":[1,{"x":null,"y":"ž"}],"b":true}')
const third = entry(3, second.hash, '{"target":null}')

const problems = (...newestFirst: JournalEntry[]): string[] => {
  const verifier = createChainVerifier()
  return [...newestFirst.map((it) => verifier.check(it)), verifier.end()].filter((it) => it !== undefined)
}

describe('the journal', () => {
  it('is complete if every entry names the hash of the entry before it', () => {
    expect(problems(third, second, first)).toEqual([])
    expect(problems()).toEqual([])
  })

  it('shows a changed detail', () => {
    expect(problems(third, { ...second, detail: { b: false } }, first)).toEqual([
      'entry 2: its hash is not the hash of its content',
    ])
  })

  it('shows that an entry was removed, also if it was the first', () => {
    expect(problems(third, first)).toEqual(['entry 3 follows entry 1: entries are missing'])
    expect(problems(third, second)).toEqual(['the journal begins with entry 2'])
  })

  it('shows that an entry was replaced by another', () => {
    expect(problems(third, entry(2, first.hash, '{"forged":1}'), first)).toEqual([
      'entry 3 does not name the hash of entry 2',
    ])
  })

  it('sorts keys at every depth', () => {
    expect(canonicalJson({ b: { d: 1, c: [] }, a: 'x' })).toBe('{"a":"x","b":{"c":[],"d":1}}')
  })
})
