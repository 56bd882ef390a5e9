/** The rules about a repository: the real Worker keeps all of them, and each finds the fault that it is about. */
import { beforeAll, describe, expect, it } from 'vitest'
import { repository } from '../../../src/contract/areas/repository/repository.ts'
import { documents } from '../documents.ts'
import { CREDENTIALS } from '../deployed.ts'
import { relayMethods, repositoryFaults } from './repositoryFaults.ts'
import { brokenOf, brokenRules, createWorld, unclearOf, type World } from './world.ts'

let world: World

beforeAll(async () => {
  world = await createWorld()
  const { call, did } = world.deployed
  const session = await call('com.atproto.server.createSession', { body: CREDENTIALS })
  const auth = `Bearer ${String(session.accessJwt)}`
  const writes = Array.from({ length: 150 }, (_, i) => ({
    $type: 'com.atproto.repo.applyWrites#create',
    collection: i % 3 === 0 ? 'com.example.thing' : 'com.example.other',
    value: { $type: i % 3 === 0 ? 'com.example.thing' : 'com.example.other', text: `number ${i}` },
  }))
  await call('com.atproto.repo.applyWrites', { body: { repo: did, writes }, auth })
})

describe('the rules about a repository', () => {
  it('are kept by a real Worker', async () => {
    const report = await world.run([repository])
    expect(brokenOf(report)).toEqual([])
    expect(unclearOf(report)).toEqual([])
    const tried = new Set(report.findings.map(({ rule }) => rule.id))
    const untried = repository.rules.map(({ id }) => id).filter((id) => !tried.has(id))
    // Methods of relays.
    expect(untried).toEqual(['repo.listed-by-collection', 'repo.host-status'])
  })

  it.each(repositoryFaults)('$rule: $name', async ({ rule, also = [], fault }) => {
    const { directory } = world.deployed
    try {
      const lexicons = [...documents, ...relayMethods]
      const report = await world.run([repository], fault, { lexicons })
      expect([brokenRules(report).toSorted(), brokenOf(report)]).toEqual([
        [rule, ...also].toSorted(),
        expect.anything(),
      ])
    } finally {
      directory.documentKey = undefined
    }
  })

  it('have a fault each that they find', () => {
    const found = new Set(repositoryFaults.map(({ rule }) => rule))
    expect(repository.rules.map(({ id }) => id).filter((id) => !found.has(id))).toEqual([])
  })

  it('are unclear where nothing can be said', async () => {
    const unclear = (report: Awaited<ReturnType<World['run']>>) =>
      new Set(unclearOf(report).map(({ rule }) => rule.id))
    world.deployed.directory.mode = 'down'
    const down = await world.run([repository])
    world.deployed.directory.mode = 'up'
    expect([brokenOf(down), [...unclear(down)]]).toEqual([[], ['repo.signature']])
    const large = await world.run([repository], undefined, { maxRepoBytes: 1000 })
    expect(brokenOf(large)).toEqual([])
    expect(unclear(large).size).toBeGreaterThan(20)
    const nobody = await world.run([repository], undefined, { did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' })
    expect(brokenOf(nobody)).toEqual([])
  })
})
