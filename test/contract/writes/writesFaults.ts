/** What can be wrong with writes, each with the rule that finds it. */
import { NOWHERE } from '../../../src/contract/discover.ts'
import { parseJsonObject } from '../../../src/parseJsonObject.ts'
import { always, bodyHas, despite, give } from '../faults/plant.ts'
import type { Fault } from '../repository/world.ts'
import { exportAs, isCall, on, type Planted, sinceAs, spoil } from '../repository/spoil.ts'

const [PUT, CREATE, DELETE, GET] = (['put', 'create', 'delete', 'get'] as const).map(
  (verb) => `com.atproto.repo.${verb}Record`,
) as [string, string, string, string]
const UPLOAD = 'com.atproto.repo.uploadBlob'
const LIST_BLOBS = 'com.atproto.sync.listBlobs'

const WRITTEN = { uri: `at://${NOWHERE.did}/com.example.contract/one`, cid: NOWHERE.cid }

/** Lists other blobs, by those that the suite has uploaded. */
function withUploaded(edit: (cids: string[], uploaded: readonly string[]) => string[]): Fault {
  const uploaded: string[] = []
  return on([UPLOAD, LIST_BLOBS], async (call, answer) => {
    const given = await answer()
    if (given.status !== 200 || !isCall(call)) return given
    const text = await given.text()
    const { cids } = parseJsonObject(text)
    if (call.id === UPLOAD && (await call.body()).startsWith('contract suite'))
      uploaded.push(...(/bafkrei\w+/.exec(text) ?? []))
    return Array.isArray(cids)
      ? give({ ...parseJsonObject(text), cids: edit(cids.map(String), uploaded) })
      : new Response(text, given)
  })
}

export const writesFaults: readonly Planted[] = [
  {
    name: 'getRecord changes a text',
    rule: 'writes.round-trip',
    fault: spoil(GET, async (answer) => new Response((await answer.text()).normalize('NFC'), answer)),
  },
  {
    name: 'swapCommit is not looked at',
    rule: 'writes.swap-commit',
    fault: despite(PUT, ['InvalidSwap'], bodyHas('"swapCommit"'), () => give(WRITTEN)),
  },
  {
    name: 'swapRecord is not looked at',
    rule: 'writes.swap-record',
    fault: despite(DELETE, ['InvalidSwap'], bodyHas('"swapRecord"'), () => give({})),
  },
  {
    name: 'half of a batch is written',
    rule: 'writes.atomic',
    fault: on(GET, (call, answer) =>
      call.params.get('rkey') === 'whole-1' ? give({ ...WRITTEN, value: {} }) : answer(),
    ),
  },
  {
    name: 'a record is not validated',
    rule: 'writes.validates',
    fault: despite(CREATE, ['InvalidRequest'], bodyHas('"app.bsky.feed.like"'), () => give(WRITTEN)),
  },
  {
    name: 'a blob with another size',
    rule: 'writes.upload',
    fault: spoil(
      UPLOAD,
      async (answer) => new Response((await answer.text()).replace(/"size":\d+/, '"size":1'), answer),
    ),
  },
  {
    name: 'a blob is not listed that was just uploaded',
    rule: 'writes.blob-referenced',
    fault: withUploaded((cids, uploaded) => cids.filter((cid) => !uploaded.includes(cid))),
  },
  {
    name: 'each blob ever uploaded is listed',
    rule: 'writes.blob-unlisted',
    fault: withUploaded((cids, uploaded) => [...cids, ...uploaded]),
  },
  {
    name: 'a blob that nobody has sent',
    rule: 'writes.blob-unknown',
    fault: despite(PUT, ['BlobNotFound'], always, () => give(WRITTEN)),
  },
  {
    name: 'an export since a revision lacks a record',
    rule: 'writes.since',
    elsewhere: ['repo.since-unknown'],
    because: 'the suite asks for what came since other revisions, too',
    fault: sinceAs((parts) => ({ ...parts, blocks: parts.blocks.slice(0, -1) })),
  },
  {
    name: 'of exports that are made at the same time, one is cut',
    rule: 'writes.export-during',
    fault: (() => {
      let running = 0
      const cut = exportAs((parts) => ({ ...parts, blocks: parts.blocks.slice(0, -1) }))
      return on('com.atproto.sync.getRepo', async (call, answer) => {
        running++
        try {
          return await (running > 1 ? cut(call, answer) : answer())
        } finally {
          running--
        }
      })
    })(),
  },
]
