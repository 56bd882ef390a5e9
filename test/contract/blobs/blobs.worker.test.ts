/** The rules about blobs: the real Worker keeps all of them, and each finds the fault that it is about. */
import { beforeAll, describe, expect, it } from 'vitest'
import { blobs } from '../../../src/contract/areas/blobs/blobs.ts'
import { CREDENTIALS } from '../deployed.ts'
import { brokenOf, brokenRules, createWorld, unclearOf, type World } from '../repository/world.ts'
import { blobFaults } from './blobFaults.ts'

let world: World

beforeAll(async () => {
  world = await createWorld()
  const { call, did } = world.deployed
  const session = await call('com.atproto.server.createSession', { body: CREDENTIALS })
  const auth = `Bearer ${String(session.accessJwt)}`
  for (const [text, type] of [
    ['<script>alert(1)</script>'.repeat(100), 'text/html'],
    ['WEBVTT', 'text/vtt'],
  ] as const) {
    const { blob } = await call('com.atproto.repo.uploadBlob', {
      body: new TextEncoder().encode(text),
      type,
      auth,
    })
    const record = { $type: 'com.example.file', blob }
    await call('com.atproto.repo.createRecord', {
      body: { repo: did, collection: 'com.example.file', record },
      auth,
    })
  }
})

describe('the rules about blobs', () => {
  it('are kept by a real Worker', async () => {
    const report = await world.run([blobs])
    expect(brokenOf(report)).toEqual([])
    expect(unclearOf(report)).toEqual([])
    const tried = new Set(report.findings.map(({ rule }) => rule.id))
    expect(blobs.rules.map(({ id }) => id).filter((id) => !tried.has(id))).toEqual([])
  })

  it.each(blobFaults)('$rule: $name', async ({ rule, also = [], fault }) => {
    const report = await world.run([blobs], fault)
    expect([brokenRules(report).toSorted(), brokenOf(report)]).toEqual([
      [rule, ...also].toSorted(),
      expect.anything(),
    ])
  })

  it('have a fault each that they find', () => {
    const found = new Set(blobFaults.map(({ rule }) => rule))
    expect(blobs.rules.map(({ id }) => id).filter((id) => !found.has(id))).toEqual([])
  })
})
