import { type FakeMethod, Refused } from '../types.ts'
import { json } from '../network.ts'
import { needsReadable, pageOf } from './needs.ts'

export const syncMethods: Record<string, FakeMethod> = {
  'com.atproto.sync.getRepo': async (call) => {
    const { repo } = needsReadable(call)
    const since = call.params.get('since') ?? undefined
    return new Response(await repo.car(since === undefined ? {} : { since }), {
      headers: { 'content-type': 'application/vnd.ipld.car' },
    })
  },

  'com.atproto.sync.getLatestCommit': (call) => {
    const { cid, rev } = needsReadable(call).repo
    return json({ cid, rev })
  },

  'com.atproto.sync.getRepoStatus': (call) => {
    const account = call.pds.find(call.params.get('did'))
    if (!account) throw new Refused(400, 'RepoNotFound', 'Could not find repo')
    const { did, active } = account
    return json({ did, active, ...(active ? { rev: account.repo.rev } : { status: 'deactivated' }) })
  },

  'com.atproto.sync.listBlobs': (call) => {
    const account = needsReadable(call)
    const { items, cursor } = pageOf(call, [...account.references.keys()])
    return json({ cids: items, cursor })
  },

  'com.atproto.sync.getBlob': (call) => {
    const blob = needsReadable(call).blobs.get(call.params.get('cid') ?? '')
    if (!blob) throw new Refused(400, 'InvalidRequest', 'Blob not found')
    const { bytes, mimeType } = blob
    const headers = { 'content-type': mimeType, 'content-length': String(bytes.length) }
    return new Response(bytes.slice(), { headers })
  },
}
