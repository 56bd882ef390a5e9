import { pages } from '../../../client/index.ts'
import { verifyBlob } from '../../../client/import.ts'
import { readBytes } from '../readBytes.ts'
import { collect, difference } from '../seen.ts'
import { fetchServedRepo } from '../servedRepo.ts'
import { SOURCES, type Rehearsal, type TargetCheck } from '../types.ts'

const PAGE = 3

const needs = ['activateAccount', 'importRepo']

/** The type without its parameters. */
const essence = (type: string): string => (type.split(';')[0] ?? '').trim().toLowerCase()

const keysOf = ({ targetKey, account }: Rehearsal): string[] => [
  ...(targetKey === undefined ? [] : [targetKey]),
  account.signingKey.did,
]

export const servedChecks: readonly TargetCheck[] = [
  {
    id: 'repository',
    level: 'must',
    expected: 'getRepo gives anyone a repository that verifies, with the same tree that was imported',
    source: SOURCES.repository,
    needs,
    async run(rehearsal) {
      const { data } = await fetchServedRepo(rehearsal, keysOf(rehearsal))
      return data === rehearsal.account.data
        ? undefined
        : `the tree is ${data}, not ${rehearsal.account.data}: records were lost, added or encoded again`
    },
  },
  {
    id: 'repository.signedByServer',
    level: 'should',
    expected: 'the commit that is served is signed by the key that the DID names now',
    source: SOURCES.repository,
    needs: ['repository'],
    async run(rehearsal) {
      const { signer } = await fetchServedRepo(rehearsal, keysOf(rehearsal))
      return signer === rehearsal.targetKey ? undefined : 'it is signed by the key of the old server'
    },
  },
  {
    id: 'repository.rev',
    level: 'must',
    expected: 'the revision is not before the one that was imported',
    source: SOURCES.repository,
    needs: ['repository'],
    async run(rehearsal) {
      const { rev } = await fetchServedRepo(rehearsal, keysOf(rehearsal))
      if (rev < rehearsal.rev) return `it is ${rev}, before ${rehearsal.rev}`
      rehearsal.rev = rev
      return undefined
    },
  },
  {
    id: 'repository.latestCommit',
    level: 'should',
    expected: 'getLatestCommit names the commit and the revision of getRepo',
    source: SOURCES.sync,
    needs: ['repository'],
    async run(rehearsal) {
      const { anyone, account } = rehearsal
      const { cid, rev } = await fetchServedRepo(rehearsal, keysOf(rehearsal))
      const latest = await anyone.com.atproto.sync.getLatestCommit({ did: account.did })
      if (latest.cid !== cid) return `it names the commit ${latest.cid}, getRepo gives ${cid}`
      return latest.rev === rev ? undefined : `it names the revision ${latest.rev}, the commit has ${rev}`
    },
  },
  {
    id: 'records',
    level: 'must',
    expected: 'listRecords and getRecord give every record under its CID',
    source: SOURCES.repository,
    needs,
    async run({ anyone, account }) {
      const { repo } = anyone.com.atproto
      const found = new Set<string>()
      const paths = [...account.records.keys()]
      for (const collection of new Set(paths.map((path) => path.split('/')[0] ?? ''))) {
        const listed = await collect(
          pages((page) => repo.listRecords({ repo: account.did, collection, limit: 50, ...page })),
          ({ records }) =>
            records.map(({ uri, cid }) => `${uri.slice(`at://${account.did}/`.length)} ${cid}`),
          paths.length,
        )
        for (const item of listed) found.add(item)
      }
      const all = new Set([...account.records].map(([path, cid]) => `${path} ${cid}`))
      const seen = difference('records', all, found)
      if (seen !== undefined) return seen
      for (const path of ['app.bsky.actor.profile/self', 'com.example.rehearsal/a.b~c:d_e-f']) {
        const [collection = '', rkey = ''] = path.split('/')
        const { cid } = await repo.getRecord({ repo: account.did, collection, rkey })
        if (cid !== account.records.get(path)) return `getRecord of ${path} names the CID ${cid}`
      }
      return undefined
    },
  },
  {
    id: 'blobs',
    level: 'must',
    expected: 'getBlob gives anyone the bytes of every blob, unchanged',
    source: SOURCES.blob,
    needs,
    async run({ anyone, account }) {
      for (const { cid, name, bytes } of account.blobs) {
        const answer = await anyone.com.atproto.sync.getBlob({ did: account.did, cid: cid.toString() })
        const found = await readBytes(answer.body, bytes.length)
        if (!(await verifyBlob(cid.toString(), found)))
          return `${name}: other bytes than the ${bytes.length} that were sent`
      }
      return undefined
    },
  },
  {
    id: 'blobs.types',
    level: 'should',
    expected: 'getBlob answers with the type of the upload and with a content-length',
    source: SOURCES.blob,
    needs: ['blobs'],
    async run({ anyone, account }) {
      const wrong: string[] = []
      for (const { cid, name, mimeType } of account.blobs) {
        const answer = await anyone.com.atproto.sync.getBlob({ did: account.did, cid: cid.toString() })
        await answer.body.cancel()
        if (essence(answer.encoding) !== essence(mimeType))
          wrong.push(`${name} has the type ${answer.encoding}`)
        else if (answer.length === undefined) wrong.push(`${name} has no length`)
      }
      return wrong.length === 0 ? undefined : wrong.join('; ')
    },
  },
  {
    id: 'listBlobs',
    level: 'must',
    expected: 'listBlobs lists every blob, in pages',
    source: SOURCES.sync,
    needs,
    async run({ anyone, account }) {
      const found = await collect(
        pages((page) => anyone.com.atproto.sync.listBlobs({ did: account.did, limit: PAGE, ...page })),
        ({ cids }) => cids,
        account.blobs.length,
      )
      return difference('blobs', new Set(account.blobs.map(({ cid }) => cid.toString())), found)
    },
  },
  {
    id: 'write',
    level: 'must',
    expected:
      'a new record makes a new commit, later than the one before and signed by the key that the DID names',
    source: SOURCES.repository,
    needs: ['repository', 'credentials'],
    async run(rehearsal) {
      const { owner, account, targetKey = '' } = rehearsal
      const record = { $type: 'app.bsky.feed.post', text: 'moved', createdAt: '2026-11-01T00:00:00.000Z' }
      const { uri, cid } = await owner.com.atproto.repo.createRecord({
        repo: account.did,
        collection: 'app.bsky.feed.post',
        record,
      })
      const served = await fetchServedRepo(rehearsal, [targetKey])
      if (served.records.get(uri.slice(`at://${account.did}/`.length)) !== cid)
        return 'getRepo does not have the new record'
      if (served.records.size !== account.records.size + 1)
        return `getRepo has ${served.records.size} records, not ${account.records.size + 1}`
      if (served.rev <= rehearsal.rev) return `the revision is ${served.rev}, not after ${rehearsal.rev}`
      rehearsal.rev = served.rev
      return undefined
    },
  },
]
