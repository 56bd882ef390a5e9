/** The rules about writes: the real Worker keeps all of them, and each finds the fault that it is about. */
import { beforeAll, describe, expect, it } from 'vitest'
import { writes } from '../../../src/contract/areas/writes/writes.ts'
import { brokenOf, createWorld, OWNER, unclearOf, type World } from '../repository/world.ts'
import { writesFaults } from './writesFaults.ts'

let world: World

beforeAll(async () => {
  world = await createWorld()
})

describe('the rules about writes', () => {
  it('are kept by a real Worker, from which all is removed again', async () => {
    const report = await world.run([writes], undefined, OWNER)
    expect([brokenOf(report), unclearOf(report), report.left]).toEqual([[], [], []])
    expect(report.removed).toContain('the records of com.example.contract')
    const { call, did } = world.deployed
    const described = await call('com.atproto.repo.describeRepo', { query: `?repo=${did}` })
    expect(described['collections']).not.toContain('com.example.contract')
    const tried = new Set(report.findings.map(({ rule }) => rule.id))
    expect(writes.rules.map(({ id }) => id).filter((id) => !tried.has(id))).toEqual([])
  })

  it.each(writesFaults)('$rule: $name', async ({ rule, fault }) => {
    const broken = brokenOf(await world.run([writes], fault, OWNER))
    expect(broken.some((line) => line.startsWith(`${rule} `))).toBe(true)
  })
})
