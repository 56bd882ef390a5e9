import type { BlobRef, Client } from '../../../src/client/index.ts'

/** Uploads a text, and gives the reference that a record names it by. */
export const upload = async (owner: Client, text: string, encoding: string): Promise<BlobRef> =>
  (await owner.com.atproto.repo.uploadBlob({ encoding, body: new TextEncoder().encode(text) })).blob

/** Puts a record that may name blobs. */
export const put = (owner: Client, repo: string, rkey: string, record: Record<string, unknown>) =>
  owner.com.atproto.repo.putRecord({ repo, collection: 'com.example.thing', rkey, record })
