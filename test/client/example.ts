import { type Client, connect, settle } from 'cirrus-pds/client'
import { digestOf, readAccount } from 'cirrus-pds/client/import'

/** What your server does with an account's data. */
interface Store {
  importCar(car: ReadableStream<Uint8Array>): Promise<void>
  hasBlob(cid: string): Promise<boolean>
  /** Refuses bytes with another sha-256. */
  putBlob(cid: string, body: ReadableStream<Uint8Array>, type: string, sha256: Uint8Array): Promise<void>
  putPreferences(preferences: unknown[]): Promise<void>
  /** Your server's own answer to getRecommendedDidCredentials. */
  credentials(): { rotationKeys?: string[]; services?: Record<string, unknown> }
  submit(operation: unknown): Promise<void>
}

export async function moveIn(host: string, did: string, token: string, store: Store): Promise<void> {
  const source: Client = connect(host, { token })
  const account = readAccount(source, { did, have: (cid) => store.hasBlob(cid) })

  const { body } = await account.repo() // a stream, never buffered
  await store.importCar(body)
  for await (const { cid, mimeType, body } of account.blobs())
    await store.putBlob(cid, body, mimeType, digestOf(cid))
  const { preferences } = await account.preferences()
  await store.putPreferences(preferences)

  const signed = await settle(source.com.atproto.identity.signPlcOperation({ token, ...store.credentials() }))
  if (!signed.ok) {
    // `signed.error` is a closed union: a misspelt name does not compile.
    if (signed.error === 'ExpiredToken') throw new Error('ask the owner for a new token; nothing is lost')
    throw new Error(`the source did not sign: ${signed.message}`)
  }
  await store.submit(signed.data.operation)
}
