/** What can be wrong with writes, each with the rule that finds it. */
import { exportAs, type Planted, sinceAs } from '../repository/spoil.ts'

export const writesFaults: readonly Planted[] = [
  {
    name: 'getRecord changes a text',
    rule: 'writes.round-trip',
    during: 'writes',
    fault: async (call, answer) => {
      const given = await answer()
      if (call.id !== 'com.atproto.repo.getRecord' || given.status !== 200) return given
      return new Response((await given.text()).normalize('NFC').replace('e\u0301', 'é'), given)
    },
  },
  {
    name: 'swapCommit is not looked at',
    rule: 'writes.swap-commit',
    during: 'writes',
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
    during: 'writes',
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
    during: 'writes',
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
    during: 'writes',
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
    during: 'writes',
    fault: async (call, answer) => {
      const given = await answer()
      if (call.id !== 'com.atproto.repo.uploadBlob' || given.status !== 200) return given
      return new Response((await given.text()).replace(/"size":\d+/, '"size":1'), given)
    },
  },
  {
    name: 'a blob is not given out',
    rule: 'writes.blob-referenced',
    during: 'writes',
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
    during: 'writes',
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
    during: 'writes',
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
    during: 'writes',
    fault: sinceAs((parts) => ({ ...parts, blocks: parts.blocks.slice(0, -1) })),
  },
  {
    name: 'an export is cut',
    rule: 'writes.export-during',
    during: 'writes',
    fault: exportAs((parts) => ({ ...parts, blocks: parts.blocks.slice(0, -1) })),
  },
]
