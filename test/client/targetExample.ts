import type { DatabaseSync } from 'node:sqlite'
import { verifySignature } from '@atproto/crypto'
import { connect } from 'cirrus-pds/client'
import { readAccount, verifyBlob } from 'cirrus-pds/client/import'
import { readBlocks } from 'cirrus-pds/client/subscribe'

/** What the DID is to say of your server: your answer to getRecommendedDidCredentials. */
interface Credentials {
  rotationKeys: string[]
  verificationMethods: { atproto: string }
  services: { atproto_pds: { type: string; endpoint: string } }
}

/** Takes an account in with the owner's token. After a crash, run it again: the blobs that are here are not fetched. */
export async function accept(host: string, token: string, ours: Credentials, db: DatabaseSync) {
  db.exec(`CREATE TABLE IF NOT EXISTS account (did TEXT PRIMARY KEY, manifest, preferences, operation);
           CREATE TABLE IF NOT EXISTS block (cid TEXT PRIMARY KEY, bytes BLOB);
           CREATE TABLE IF NOT EXISTS blob (cid TEXT PRIMARY KEY, type TEXT, bytes BLOB)`)
  const { iss: did } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
  const source = connect(host, { token })
  const have = (cid: string) => db.prepare('SELECT 1 FROM blob WHERE cid = ?').get(cid) !== undefined
  const account = readAccount(source, { did, have })

  const { manifest } = await source.com.cirrus.admin.getManifest()
  const car = new Uint8Array(await new Response((await account.repo()).body).arrayBuffer())
  const putBlock = db.prepare('INSERT OR REPLACE INTO block VALUES (?, ?)')
  for (const [cid, bytes] of await readBlocks(car)) putBlock.run(cid, bytes)
  for await (const { cid, mimeType, body } of account.blobs()) {
    const bytes = new Uint8Array(await new Response(body).arrayBuffer())
    if (!(await verifyBlob(cid, bytes))) throw new Error(`the blob ${cid} has other bytes`)
    db.prepare('INSERT INTO blob VALUES (?, ?, ?)').run(cid, mimeType, bytes)
  }
  const { preferences } = await account.preferences()
  const { operation } = await source.com.atproto.identity.signPlcOperation({ token, ...ours })
  const row = [did, manifest, JSON.stringify(preferences), JSON.stringify(operation)]
  db.prepare('INSERT OR REPLACE INTO account VALUES (?, ?, ?, ?)').run(...row)
  return { did, operation } // which goes to the PLC directory; then the account is yours
}

/** What the account had at one commit, if the key that its DID names has signed it. */
export async function readManifest(manifest: string, didKey: string) {
  const [header = '', payload = '', signature = ''] = manifest.split('.')
  const decode = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
  if (decode(header).typ !== 'cirrus-manifest+jwt') throw new Error('not a manifest')
  const signed = new TextEncoder().encode(`${header}.${payload}`)
  if (!(await verifySignature(didKey, signed, new Uint8Array(Buffer.from(signature, 'base64url')))))
    throw new Error('the manifest has another signature')
  const claims: {
    iss: string
    rev: string
    commit: string
    data: string
    collections: Record<string, number>
    blobs: { count: number; bytes: number }
  } = decode(payload)
  return claims
}
