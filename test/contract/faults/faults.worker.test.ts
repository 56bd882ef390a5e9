/** A few of the faults, and whether the list has one for each rule. The whole list is tried in `npm run test:long`. */
import { describe, expect, it } from 'vitest'
import { RULES } from '../../../src/contract/areas.ts'
import { creationFaults } from '../creation/creationFaults.ts'
import { mailFaults } from '../mail/mailFaults.ts'
import { seededFaults } from './seededFaults.ts'
import { describeFaults } from './describeFaults.ts'
import { NO_FAULT } from './noFault.ts'
import { othersOf } from './table.ts'

/** It may become less. */
const MOST_EXCEPTIONS = 3

/** One from each part of the suite. */
const SAMPLE = [
  'a time without its zone',
  'a limit above the maximum is the maximum',
  'invite codes for anyone',
  'an export is cut between two blocks',
  'listBlobs lists a blob twice',
  'half of a batch is written',
  'one ends all',
  'since is an older revision',
  'an issuer with a slash at its end',
]

describe('a fault of a real Worker is found', () => {
  describeFaults(seededFaults.filter(({ name }) => SAMPLE.includes(name)))
})

describe('the faults', () => {
  const all = [...seededFaults, ...creationFaults, ...mailFaults]
  const has = new Set(all.map(({ rule }) => rule))
  const isExcepted = (id: string): boolean => NO_FAULT.some(({ rules }) => rules.test(id))

  it('are at least one for each rule, but for the listed ones', () => {
    expect(RULES.map(({ id }) => id).filter((id) => !has.has(id) && !isExcepted(id))).toEqual([])
  })

  it('have exceptions that are needed', () => {
    const known = RULES.map(({ id }) => id)
    for (const { rules } of NO_FAULT) {
      const meant = known.filter((id) => rules.test(id))
      expect([rules, meant.length > 0, meant.filter((id) => has.has(id))]).toEqual([rules, true, []])
    }
    expect(NO_FAULT.length).toBeLessThanOrEqual(MOST_EXCEPTIONS)
  })

  it('name rules that exist, each fault under a name of its own, and say why others see it, too', () => {
    const ids = new Set(RULES.map(({ id }) => id))
    const named = all.flatMap((fault) => [fault.rule, ...othersOf(fault)])
    expect(named.filter((id) => !ids.has(id))).toEqual([])
    const names = all.map(({ name }) => name)
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
    const unexplained = all.filter((fault) => othersOf(fault).length > 0 && fault.because === undefined)
    expect(unexplained.map(({ name }) => name)).toEqual([])
    expect(SAMPLE.filter((name) => !names.includes(name))).toEqual([])
    expect(seededFaults.length).toBeGreaterThanOrEqual(200)
  })
})
