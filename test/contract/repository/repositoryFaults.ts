/** What can be wrong with what a server says of a repository, each with the rule that finds it. */
import type { LexiconDoc } from '@atproto/lexicon'
import { cborCid } from '../../../src/repo/cid.ts'
import { encodeNode } from '../../../src/repo/tree/encodeNode.ts'
import { buildTree } from '../../../src/repo/tree/buildTree.ts'
import { formatTid } from '../../../src/repo/tid.ts'
import {
  block,
  carBytes,
  commitOf,
  flatRepo,
  type Parts,
  recar,
  recordsOf,
  rootOf,
  withCommit,
} from './cars.ts'
import {
  car,
  errorOf,
  exportAs,
  failing,
  failsWith,
  json,
  jsonAs,
  on,
  type Planted,
  refused,
  sinceAs,
  spoil,
  withHeader,
} from './spoil.ts'

const GET_REPO = 'com.atproto.sync.getRepo'

const without = (parts: Parts, text: string): Parts => ({
  ...parts,
  blocks: parts.blocks.filter(({ cid }) => cid.toString() !== text),
})

const FOREIGN = block({ $type: 'com.example.thing', text: 'deleted long ago' })

/** What the rules about writes see of a spoiled export. */
const EXPORTED = {
  elsewhere: ['writes.since', 'writes.export-during'],
  because: 'exports are read again while records are written',
}

/** What else is seen of a commit that the account has signed, and that is not its latest. */
const OTHER_COMMIT = {
  also: ['repo.current'],
  because: 'it is another commit than the one that getLatestCommit names',
}

export const repositoryFaults: readonly Planted[] = [
  {
    name: 'getRepo fails',
    rule: 'repo.export',
    elsewhere: ['writes.export-during', 'lifecycle.comes-back'],
    because: 'a read that fails fails for everybody',
    fault: failsWith(GET_REPO, failing),
  },
  {
    name: 'an export has another type',
    rule: 'repo.export',
    elsewhere: ['output.encoding'],
    because: 'every method has this rule',
    fault: spoil(GET_REPO, (answer) => withHeader(answer, 'content-type', 'application/octet-stream')),
  },
  {
    name: 'an export is cut',
    rule: 'repo.car',
    ...EXPORTED,
    fault: exportAs((parts) => carBytes(parts).slice(0, -3)),
  },
  {
    name: 'an export is cut between two blocks',
    rule: 'repo.complete',
    ...EXPORTED,
    fault: exportAs((parts) => ({ ...parts, blocks: parts.blocks.slice(0, -1) })),
  },
  {
    name: 'an export is text',
    rule: 'repo.car',
    ...EXPORTED,
    fault: spoil(GET_REPO, (answer) => new Response('not a CAR at all', answer)),
  },
  {
    name: 'an export has two roots',
    rule: 'repo.one-root',
    fault: exportAs((parts) => ({ ...parts, roots: [...parts.roots, ...parts.roots] })),
  },
  {
    name: 'a block has other bytes',
    rule: 'repo.hashes',
    ...EXPORTED,
    fault: exportAs((parts) => ({
      ...parts,
      blocks: parts.blocks.map((one, i) => (i === 5 ? { ...one, bytes: FOREIGN.bytes } : one)),
    })),
  },
  {
    name: 'the commit is missing',
    rule: 'repo.commit',
    ...EXPORTED,
    fault: exportAs((parts) => without(parts, rootOf(parts).cid.toString())),
  },
  {
    name: 'the commit is that of another account',
    rule: 'repo.commit',
    ...OTHER_COMMIT,
    elsewhere: EXPORTED.elsewhere,
    because: `${OTHER_COMMIT.because}, and ${EXPORTED.because}`,
    fault: exportAs(async (parts) =>
      withCommit(parts, await commitOf(parts, { did: 'did:web:example.com' })),
    ),
  },
  {
    name: 'the commit names an earlier one',
    rule: 'repo.prev',
    ...OTHER_COMMIT,
    fault: exportAs(async (parts) => withCommit(parts, await commitOf(parts, { prev: rootOf(parts).cid }))),
  },
  {
    name: 'the revision is in the future',
    rule: 'repo.rev',
    ...OTHER_COMMIT,
    elsewhere: EXPORTED.elsewhere,
    because: `${OTHER_COMMIT.because}, and ${EXPORTED.because}`,
    fault: exportAs(async (parts) =>
      withCommit(parts, await commitOf(parts, { rev: formatTid((Date.now() + 3_600_000) * 1000) })),
    ),
  },
  {
    name: 'the revision is not a TID',
    rule: 'repo.rev',
    ...EXPORTED,
    fault: exportAs(async (parts) => withCommit(parts, await commitOf(parts, { rev: '1' }))),
  },
  {
    name: 'the commit is signed by another key',
    rule: 'repo.signature',
    elsewhere: ['writes.export-during', 'leaving.service-auth'],
    because: 'the same key signs tokens',
    fault: async (call, answer) => {
      // The same as if the server had not followed a change of the key.
      const { directory } = call.deployed
      directory.documentKey = 'did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme'
      return answer()
    },
  },
  {
    name: 'a record is missing',
    rule: 'repo.complete',
    ...EXPORTED,
    fault: exportAs((parts) => without(parts, String(recordsOf(parts)[7]?.cid))),
  },
  {
    name: 'the tree is missing',
    rule: 'repo.complete',
    ...EXPORTED,
    fault: exportAs((parts) => ({ ...parts, blocks: parts.blocks.slice(0, 1) })),
  },
  {
    name: 'an export has what was deleted',
    rule: 'repo.nothing-more',
    fault: exportAs((parts) => ({ ...parts, blocks: [...parts.blocks, FOREIGN] })),
  },
  {
    name: 'a block comes twice',
    rule: 'repo.nothing-more',
    fault: exportAs((parts) => ({ ...parts, blocks: [...parts.blocks, ...parts.blocks.slice(-1)] })),
  },
  {
    name: 'the blocks come in reverse',
    rule: 'repo.preorder',
    fault: exportAs((parts) => ({ ...parts, blocks: parts.blocks.toReversed() })),
  },
  {
    name: 'all keys are in one node',
    rule: 'repo.tree',
    ...OTHER_COMMIT,
    elsewhere: EXPORTED.elsewhere,
    because: `${OTHER_COMMIT.because}, and ${EXPORTED.because}`,
    fault: exportAs((parts) => flatRepo(parts, recordsOf(parts))),
  },
  {
    name: 'a key is not valid',
    rule: 'repo.tree',
    ...OTHER_COMMIT,
    elsewhere: EXPORTED.elsewhere,
    because: `${OTHER_COMMIT.because}, and ${EXPORTED.because}`,
    fault: exportAs((parts) =>
      flatRepo(
        parts,
        recordsOf(parts)
          .slice(0, 1)
          .map((one) => ({ ...one, key: 'nsid/a b' })),
      ),
    ),
  },
  {
    name: 'a node is empty',
    rule: 'repo.tree',
    ...OTHER_COMMIT,
    elsewhere: EXPORTED.elsewhere,
    because: `${OTHER_COMMIT.because}, and ${EXPORTED.because}`,
    fault: exportAs(async (parts) => {
      const [record] = recordsOf(parts)
      if (!record) throw new Error('no record')
      const below = encodeNode({ left: null, entries: [] })
      const right = cborCid(below)
      const bytes = encodeNode({
        left: right,
        entries: [{ key: record.key, value: record.cid, right: null }],
      })
      const node = { cid: cborCid(bytes), bytes }
      const commit = await commitOf(parts, { data: node.cid })
      return { roots: [commit.cid], blocks: [commit, node, { cid: right, bytes: below }, record] }
    }),
  },
  {
    name: 'a record has a fraction',
    rule: 'repo.records',
    ...OTHER_COMMIT,
    fault: exportAs((parts) =>
      withRecord(parts, new Uint8Array([0xa1, 0x61, 0x61, 0xfb, 63, 248, 0, 0, 0, 0, 0, 0])),
    ),
  },
  {
    name: 'a record has the type of another collection',
    rule: 'repo.record-types',
    ...OTHER_COMMIT,
    fault: exportAs((parts) => withRecord(parts, block({ $type: 'com.example.else' }).bytes)),
  },
  {
    name: 'getLatestCommit lags',
    rule: 'repo.current',
    elsewhere: ['reads.valid', 'leaving.status'],
    because: 'the suite asks for the block of the latest commit, and compares with checkAccountStatus',
    fault: jsonAs('com.atproto.sync.getLatestCommit', (json: object) => ({
      ...json,
      cid: FOREIGN.cid.toString(),
    })),
  },
  {
    name: 'since the latest revision, everything comes',
    rule: 'repo.since-newest',
    fault: spoil(GET_REPO, (answer, params, call) =>
      params.has('since') ? call.again({ did: call.deployed.did }) : answer,
    ),
    also: ['repo.since-unknown'],
    because: 'the suite asks for what came since several revisions',
  },
  {
    name: 'since a revision, a block is missing',
    rule: 'repo.since-unknown',
    fault: sinceAs((parts) => ({ ...parts, blocks: parts.blocks.filter((_, i) => i !== 20) })),
  },
  {
    name: 'since a revision, what was deleted comes',
    rule: 'repo.since-unknown',
    also: ['repo.since-newest'],
    because: 'the suite asks for what came since several revisions',
    fault: sinceAs((parts) => ({ ...parts, blocks: [...parts.blocks, FOREIGN] })),
  },
  {
    name: 'an unknown revision makes the server fail',
    rule: 'repo.since-unknown',
    fault: spoil(GET_REPO, (answer, params) =>
      (params.get('since') ?? '') > formatTid((Date.now() + 3_600_000) * 1000) ? failing() : answer,
    ),
  },
  {
    name: 'the status is another revision',
    rule: 'repo.status',
    fault: jsonAs('com.atproto.sync.getRepoStatus', (json: object) => ({ ...json, rev: '3jzfcijpj2z2a' })),
  },
  {
    name: 'listRepos has an old head',
    rule: 'repo.listed',
    fault: jsonAs('com.atproto.sync.listRepos', ({ repos }: { repos: object[] }) => ({
      repos: repos.map((repo) => ({ ...repo, head: FOREIGN.cid.toString() })),
    })),
  },
  {
    name: 'listRepos lists nobody',
    rule: 'repo.listed',
    fault: jsonAs('com.atproto.sync.listRepos', (given: object, params) =>
      params.get('limit') === '1000' ? { repos: [] } : given,
    ),
  },
  {
    name: 'listReposByCollection does not know the account',
    rule: 'repo.listed-by-collection',
    isOfRelays: true,
    fault: on('com.atproto.sync.listReposByCollection', () => json({ repos: [] })),
  },
  {
    name: 'every host is known',
    rule: 'repo.host-status',
    isOfRelays: true,
    fault: on('com.atproto.sync.getHostStatus', () => json({ hostname: 'nowhere.example.com' })),
  },
  {
    name: 'describeRepo forgets a collection',
    rule: 'repo.described',
    fault: jsonAs('com.atproto.repo.describeRepo', (json: { collections: string[] }) => ({
      ...json,
      collections: json.collections.slice(1),
    })),
  },
  {
    name: 'describeRepo names a collection without records',
    rule: 'repo.described',
    fault: jsonAs('com.atproto.repo.describeRepo', (json: { collections: string[] }) => ({
      ...json,
      collections: [...json.collections, 'com.example.gone'],
    })),
  },
  {
    name: 'listRecords leaves one out',
    rule: 'repo.records-listed',
    fault: jsonAs(
      'com.atproto.repo.listRecords',
      ({ cursor, records }: { cursor?: string; records: object[] }) => ({
        cursor,
        records: records.filter((_, i) => i !== 3),
      }),
    ),
  },
  {
    name: 'listRecords lists a record twice',
    rule: 'repo.records-listed',
    also: ['repo.records-order'],
    elsewhere: ['paging.limit', 'paging.walk'],
    because: 'every list has these rules',
    fault: jsonAs(
      'com.atproto.repo.listRecords',
      ({ cursor, records }: { cursor?: string; records: object[] }) => ({
        cursor,
        records: [...records, ...records.slice(0, 1)],
      }),
    ),
  },
  {
    name: 'listRecords has other values',
    rule: 'repo.records-listed',
    fault: jsonAs(
      'com.atproto.repo.listRecords',
      ({ cursor, records }: { cursor?: string; records: object[] }) => ({
        cursor,
        records: records.map((record) => ({ ...record, value: { text: 'changed' } })),
      }),
    ),
  },
  {
    name: 'listRecords comes to no end',
    rule: 'repo.records-listed',
    elsewhere: ['paging.end', 'paging.walk'],
    because: 'every list has these rules',
    fault: jsonAs('com.atproto.repo.listRecords', (json: object) => ({ ...json, cursor: 'always' })),
  },
  {
    name: 'listRecords ignores reverse',
    rule: 'repo.records-order',
    fault: spoil('com.atproto.repo.listRecords', (answer, params, call) => {
      const { reverse, ...rest } = Object.fromEntries(params)
      return reverse === undefined ? answer : call.again(rest)
    }),
  },
  {
    name: 'getRecord has another CID',
    rule: 'repo.record',
    also: ['repo.record-version'],
    elsewhere: ['calls.swap'],
    because: 'the suite reads what it has written',
    fault: jsonAs('com.atproto.repo.getRecord', (json: object) => ({ ...json, cid: FOREIGN.cid.toString() })),
  },
  {
    name: 'getRecord drops a field',
    rule: 'repo.record',
    also: ['repo.record-version'],
    elsewhere: ['calls.swap', 'writes.round-trip'],
    because: 'the suite reads what it has written',
    fault: jsonAs('com.atproto.repo.getRecord', ({ value, ...json }: { value: Record<string, unknown> }) => {
      const { text: _, ...fewer } = value
      return { ...json, value: fewer }
    }),
  },
  {
    name: 'getRecord ignores the version',
    rule: 'repo.record-version',
    fault: on('com.atproto.repo.getRecord', async (call, answer) => {
      const given = await answer()
      const { cid, ...params } = Object.fromEntries(call.params)
      const isMissing = (await errorOf(given)) === 'RecordNotFound'
      return isMissing && cid !== undefined ? call.again(params) : given
    }),
  },
  {
    name: 'a proof lacks the record',
    rule: 'repo.proof-of-presence',
    fault: spoil(
      'com.atproto.sync.getRecord',
      recar((parts) => ({ ...parts, blocks: parts.blocks.filter(({ bytes }) => !saysType(bytes)) })),
    ),
  },
  {
    name: 'a proof lacks a node',
    rule: 'repo.proof-of-presence',
    also: ['repo.proof-of-absence'],
    because: 'both proofs need the nodes',
    fault: spoil(
      'com.atproto.sync.getRecord',
      recar((parts) => ({
        ...parts,
        blocks: parts.blocks.filter(({ bytes }, i) => i < 1 || saysType(bytes)),
      })),
    ),
  },
  {
    name: 'what does not exist is refused, not disproved',
    rule: 'repo.proof-of-absence',
    fault: spoil('com.atproto.sync.getRecord', (answer, params) =>
      /^(a\.a|zzzz|3jzfcijpj2z2a)/.test(params.get('rkey') ?? '') ? refused('RecordNotFound') : answer,
    ),
  },
  {
    name: 'getBlocks gives more than was asked for',
    rule: 'repo.blocks',
    fault: spoil(
      'com.atproto.sync.getBlocks',
      recar((parts) => ({ ...parts, blocks: [...parts.blocks, FOREIGN] })),
    ),
  },
  {
    name: 'getBlocks leaves out a block',
    rule: 'repo.blocks',
    fault: spoil(
      'com.atproto.sync.getBlocks',
      recar((parts) => ({ ...parts, blocks: parts.blocks.slice(1) })),
    ),
  },
  {
    name: 'getBlocks gives what it has of what was asked for',
    rule: 'repo.blocks-missing',
    elsewhere: ['errors.absent-refused', 'errors.declared-name'],
    because: 'the lexicon declares an error for it',
    fault: on('com.atproto.sync.getBlocks', async ({ verb }, answer) => {
      const given = await answer()
      if (verb !== 'GET' || (await errorOf(given)) !== 'BlockNotFound') return given
      return car(carBytes({ roots: [], blocks: [] }))
    }),
  },
]

const TYPE = new TextEncoder().encode('$type')
/** Records have a `$type`; nodes and commits have none. */
const saysType = (bytes: Uint8Array): boolean =>
  bytes.some((_, at) => TYPE.every((byte, i) => bytes[at + i] === byte))

/** A repository with one record, which has these bytes. */
async function withRecord(parts: Parts, bytes: Uint8Array): Promise<Parts> {
  const record = { cid: cborCid(bytes), bytes }
  const tree = buildTree([{ key: 'com.example.thing/one', value: record.cid }])
  const commit = await commitOf(parts, { data: tree[0].cid })
  return { roots: [commit.cid], blocks: [commit, ...tree, record] }
}

/** Methods of relays, which a fault makes served. */
export const relayMethods = ['com.atproto.sync.listReposByCollection', 'com.atproto.sync.getHostStatus'].map(
  (id) => ({
    lexicon: 1,
    id,
    defs: { main: { type: 'query', output: { encoding: 'application/json' } } },
  }),
) as LexiconDoc[]
