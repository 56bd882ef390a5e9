import { MemoryBlockstore, readCarWithRoot, Repo, verifyRepo } from '@atproto/repo'

import { sha256, type Seeded } from './seed.ts'

export interface RepoState {
  readonly commit: string
  /** The root of the tree: the same on two hosts if and only if all records are the same. */
  readonly data: string
  readonly rev: string
  /** `collection/rkey` to CID. */
  readonly records: ReadonlyMap<string, string>
}

/** Fetches the whole repository and checks it, with the key if one is given. `token` where anonymous reads are refused. */
export async function readRepo(
  host: string,
  did: string,
  options: { token?: string; signingKey?: string } = {},
): Promise<RepoState> {
  const headers: Record<string, string> = options.token ? { authorization: `Bearer ${options.token}` } : {}
  const got = await fetch(`${host}/xrpc/com.atproto.sync.getRepo?did=${encodeURIComponent(did)}`, { headers })
  if (!got.ok) throw new Error(`getRepo on ${host}: ${got.status} ${await got.text()}`)
  const { root, blocks } = await readCarWithRoot(new Uint8Array(await got.arrayBuffer()))
  // Every node and every leaf must be there; readCarWithRoot has compared each block with its hash.
  const { creates } = await verifyRepo(blocks, root, did, options.signingKey)
  const { commit } = await Repo.load(new MemoryBlockstore(blocks), root)
  const records = new Map(
    creates.map(({ collection, rkey, cid }) => [`${collection}/${rkey}`, cid.toString()]),
  )
  return { commit: root.toString(), data: commit.data.toString(), rev: commit.rev, records }
}

/** The blobs of `seeded` that the host does not give back byte for byte, with the type they were stored under. */
export async function wrongBlobs(
  host: string,
  did: string,
  seeded: Seeded,
  token?: string,
): Promise<string[]> {
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {}
  const wrong: string[] = []
  for (const { cid, sha256: hash, mimeType } of seeded.blobs) {
    const got = await fetch(
      `${host}/xrpc/com.atproto.sync.getBlob?did=${encodeURIComponent(did)}&cid=${cid}`,
      { headers },
    )
    // The reference adds a charset to text.
    const type = got.headers.get('content-type')?.split(';')[0]
    if (!got.ok || sha256(new Uint8Array(await got.arrayBuffer())) !== hash || type !== mimeType)
      wrong.push(cid)
  }
  return wrong
}

/** What the directory says now. */
export async function readIdentity(plcUrl: string, did: string) {
  const data = (await (await fetch(`${plcUrl}/${did}/data`)).json()) as {
    rotationKeys: string[]
    verificationMethods: Record<string, string>
    alsoKnownAs: string[]
    services: Record<string, { type: string; endpoint: string }>
  }
  return {
    ...data,
    pds: data.services['atproto_pds']?.endpoint,
    signingKey: data.verificationMethods['atproto'],
  }
}
