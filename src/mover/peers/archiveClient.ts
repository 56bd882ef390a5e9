import { type Archive } from '../../archive/openArchive.ts'
import { type Client, connect, type Fetch } from '../../client/index.ts'

/** No server has this name, and nothing is sent there. */
const ORIGIN = 'https://archive.invalid'

const refusal = (status: number, error: string, message: string): Response =>
  Response.json({ error, message }, { status })

type Answer = (archive: Archive, params: URLSearchParams) => Promise<Response>

const ANSWERS: Readonly<Record<string, Answer>> = {
  'com.atproto.sync.getLatestCommit': async ({ facts }) =>
    Response.json({ cid: facts.commit, rev: facts.rev }),
  async 'com.atproto.sync.getRepo'(archive) {
    const repo = await archive.repo()
    const headers = { 'content-type': 'application/vnd.ipld.car', 'content-length': String(repo.size) }
    return new Response(repo.stream(), { headers })
  },
  async 'com.atproto.sync.listBlobs'(archive) {
    const cids: string[] = []
    for await (const { cid } of archive.blobs()) cids.push(cid)
    return Response.json({ cids })
  },
  async 'com.atproto.sync.getBlob'(archive, params) {
    for await (const { cid, mimeType, open } of archive.blobs())
      if (cid === params.get('cid')) {
        const blob = await open()
        const headers = {
          'content-type': mimeType ?? 'application/octet-stream',
          'content-length': String(blob.size),
        }
        return new Response(blob.stream(), { headers })
      }
    return refusal(400, 'BlobNotFound', 'the backup does not have this blob')
  },
  async 'app.bsky.actor.getPreferences'(archive) {
    return Response.json({ preferences: (await archive.preferences()) ?? [] })
  },
}

/** A client that is answered from the files of a backup: it reads the account as from a server, and sends nothing. */
export function archiveClient(archive: Archive): Client {
  const fetch: Fetch = async (url) => {
    const { pathname, searchParams } = new URL(url)
    const answer = ANSWERS[pathname.replace('/xrpc/', '')]
    return answer
      ? await answer(archive, searchParams)
      : refusal(501, 'MethodNotImplemented', 'a backup does not answer that')
  }
  return connect(ORIGIN, { fetch })
}
