/** The rules about writes: the real Worker keeps all of them, and each finds the fault that it is about. */
import { beforeAll, describe, expect, it } from 'vitest'
import { writes } from '../../../src/contract/areas/writes/writes.ts'
import { exportAs, type Planted, sinceAs } from '../repository/spoil.ts'
import { brokenOf, createWorld, OWNER, unclearOf, type World } from '../repository/world.ts'

let world: World

beforeAll(async () => {
  world = await createWorld()
})

const FAULTS: readonly Planted[] = [
  {
    name: 'getRecord changes a text',
    rule: 'writes.round-trip',
    fault: async (call, answer) => {
      const given = await answer()
      if (call.id !== 'com.atproto.repo.getRecord' || given.status !== 200) return given
      return new Response((await given.text()).normalize('NFC').replace('e\u0301', 'é'), given)
    },
  },
  {
    name: 'swapCommit is not looked at',
    rule: 'writes.swap-commit',
    fault: async (call, answer) => {
      const given = await answer()
      return call.id === 'com.atproto.repo.putRecord' && given.status === 400
        ? Response.json({ uri: 'at://x', cid: 'x' }, { headers: given.headers })
        : given
    },
  },
  {
    name: 'swapRecord is not looked at',
    rule: 'writes.swap-record',
    fault: async (call, answer) => {
      const given = await answer()
      return call.id === 'com.atproto.repo.deleteRecord' && given.status === 400
        ? Response.json({}, { headers: given.headers })
        : given
    },
  },
  {
    name: 'half of a batch is written',
    rule: 'writes.atomic',
    fault: async (call, answer) => {
      const given = await answer()
      return call.id === 'com.atproto.repo.getRecord' && call.params.get('rkey') === 'whole-1'
        ? Response.json({ uri: 'at://x', cid: 'x', value: {} }, { headers: given.headers })
        : given
    },
  },
  {
    name: 'a record is not validated',
    rule: 'writes.validates',
    fault: async (call, answer) => {
      const given = await answer()
      return call.id === 'com.atproto.repo.createRecord' && given.status === 400
        ? Response.json({ uri: 'at://x', cid: 'x' }, { headers: given.headers })
        : given
    },
  },
  {
    name: 'a blob with another size',
    rule: 'writes.upload',
    fault: async (call, answer) => {
      const given = await answer()
      if (call.id !== 'com.atproto.repo.uploadBlob' || given.status !== 200) return given
      return new Response((await given.text()).replace(/"size":\d+/, '"size":1'), given)
    },
  },
  {
    name: 'a blob is not given out',
    rule: 'writes.blob-referenced',
    fault: async (call, answer) => {
      const given = await answer()
      return call.id === 'com.atproto.sync.getBlob'
        ? Response.json({ error: 'BlobNotFound' }, { status: 400 })
        : given
    },
  },
  {
    name: 'each blob ever uploaded is listed',
    rule: 'writes.blob-unlisted',
    fault: (() => {
      let last = ''
      return async (call, answer) => {
        const given = await answer()
        if (call.id === 'com.atproto.repo.uploadBlob' && given.status === 200)
          last = /bafkrei\w+/.exec(await given.clone().text())?.[0] ?? ''
        if (call.id !== 'com.atproto.sync.listBlobs' || given.status !== 200) return given
        return Response.json({ cids: [last] }, { headers: given.headers })
      }
    })(),
  },
  {
    name: 'a blob that nobody has sent',
    rule: 'writes.blob-unknown',
    fault: async (call, answer) => {
      const given = await answer()
      return call.id === 'com.atproto.repo.putRecord' && given.status === 400
        ? Response.json({ uri: 'at://x', cid: 'x' }, { headers: given.headers })
        : given
    },
  },
  {
    name: 'an export since a revision lacks a record',
    rule: 'writes.since',
    fault: sinceAs((parts) => ({ ...parts, blocks: parts.blocks.slice(0, -1) })),
  },
  {
    name: 'an export is cut',
    rule: 'writes.export-during',
    fault: exportAs((parts) => ({ ...parts, blocks: parts.blocks.slice(0, -1) })),
  },
]

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

  it.each(FAULTS)('$rule: $name', async ({ rule, fault }) => {
    const broken = brokenOf(await world.run([writes], fault, OWNER))
    expect(broken.some((line) => line.startsWith(`${rule} `))).toBe(true)
  })
})
