/** Each rule about more than a method finds the fault that it is about, in the answers of a real Worker. */
import { beforeAll, describe, expect, it } from 'vitest'
import { AREAS } from '../../../src/contract/areas.ts'
import { answers } from '../../../src/contract/areas/answers.ts'
import { brokenOf, createWorld, OWNER, type World } from '../repository/world.ts'
import { flowFaults } from './flowFaults.ts'

const isOfAnswers = (id: string): boolean => answers.some((rule) => rule.id === id)

let world: World
beforeAll(async () => {
  world = await createWorld()
})

describe('a fault is found by its rule', () => {
  it.for([...flowFaults])('$rule: $name', async ({ rule, also = [], fault, frames }) => {
    const areas = AREAS.filter(({ rules }) => rules.some(({ id }) => id === rule))
    const report = await world.run(areas, fault, { ...OWNER, only: () => true, frames })
    const broken = report.findings.filter(({ outcome }) => outcome === 'broken')
    const found = new Set(broken.map((finding) => finding.rule.id))
    expect(found, brokenOf(report).join('\n')).toContain(rule)
    // An answer that is made up here may also break the rules about every answer, which have tests of their own.
    const others = [...found].filter((id) => id !== rule && !also.includes(id) && !isOfAnswers(id))
    expect(others).toEqual([])
  })
})
