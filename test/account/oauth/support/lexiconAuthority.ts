import { Secp256k1Keypair } from '@atproto/crypto'
import { getRecords, MemoryBlockstore, Repo, WriteOpAction } from '@atproto/repo'
import { formatDidDocument } from '../../../../src/identity/didDocument.ts'

const COLLECTION = 'com.atproto.lexicon.schema'

/** A permission of a set, without its `type`. */
export type Permission = Record<string, unknown> & { resource: string }

/** The Lexicon document of a permission set. */
export const setDocument = (nsid: string, permissions: readonly Permission[]) => ({
  $type: COLLECTION,
  lexicon: 1,
  id: nsid,
  defs: {
    main: {
      type: 'permission-set',
      title: 'What the set says of itself',
      permissions: permissions.map((permission) => ({ type: 'permission', ...permission })),
    },
  },
})

/**
 * Whom the names below `com.example` belong to: a DNS record, a DID document, and a PDS that proves records as the
 * reference does.
 */
export class LexiconAuthority {
  readonly did = 'did:web:lexicons.example.com'
  readonly pds = 'https://pds.example.com'
  /** The TXT records of `_lexicon.example.com`. */
  txt: string[] = [`did=${this.did}`]
  /** The status that every request is answered with. */
  down: number | undefined
  /** What the PDS answers in place of the proof. */
  pdsAnswer: ((proof: Uint8Array<ArrayBuffer>) => Response | Promise<Response>) | undefined
  /** What was asked, in order: `dns`, `did` or `pds`. */
  readonly asked: string[] = []
  readonly #storage = new MemoryBlockstore()
  #key: Secp256k1Keypair | undefined
  /** The key that the DID document names: the one that signs, unless it is set. */
  namedKey: string | undefined
  #repo: Repo | undefined

  /** Keeps a record under a name, a Lexicon document or not. */
  async publish(nsid: string, document: object): Promise<void> {
    this.#key ??= await Secp256k1Keypair.create()
    this.#repo ??= await Repo.create(this.#storage, this.did, this.#key)
    const exists = (await this.#repo.data.get(`${COLLECTION}/${nsid}`)) !== null
    const action = exists ? WriteOpAction.Update : WriteOpAction.Create
    const write = { action, collection: COLLECTION, rkey: nsid, record: document } as never
    this.#repo = await this.#repo.applyWrites(write, this.#key)
  }

  /** A set with these permissions. */
  async publishSet(nsid: string, permissions: readonly Permission[]): Promise<void> {
    await this.publish(nsid, setDocument(nsid, permissions))
  }

  #orDown(answer: Response): Response {
    return this.down === undefined ? answer : new Response('', { status: this.down })
  }

  /** What its PDS answers about a name. */
  async proof(nsid: string): Promise<Uint8Array<ArrayBuffer>> {
    if (!this.#repo) throw new Error('nothing was published')
    const chunks: Uint8Array[] = []
    const path = [{ collection: COLLECTION, rkey: nsid }]
    for await (const chunk of getRecords(this.#storage, this.#repo.cid, path)) chunks.push(chunk)
    return new Uint8Array(Buffer.concat(chunks))
  }

  /** That signs. */
  get key(): Secp256k1Keypair {
    if (!this.#key) throw new Error('nothing was published')
    return this.#key
  }

  #document() {
    return formatDidDocument(this.did, {
      alsoKnownAs: ['at://lexicons.example.com'],
      verificationMethods: { atproto: this.namedKey ?? this.#key?.did() ?? '' },
      services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: this.pds } },
    })
  }

  /** Answers a request that is for it; undefined for others. */
  async answer(address: string): Promise<Response | undefined> {
    const url = new URL(address)
    if (url.hostname === 'cloudflare-dns.com') {
      if (url.searchParams.get('name') !== '_lexicon.example.com') return undefined
      this.asked.push('dns')
      const Answer = this.txt.map((text) => ({ name: 'x', type: 16, data: JSON.stringify(text) }))
      return this.#orDown(Response.json({ Status: 0, Answer }))
    }
    if (url.hostname === 'lexicons.example.com') {
      this.asked.push('did')
      return this.#orDown(Response.json(this.#document()))
    }
    if (url.origin !== this.pds || url.pathname !== '/xrpc/com.atproto.sync.getRecord') return undefined
    this.asked.push('pds')
    const proof = await this.proof(url.searchParams.get('rkey') ?? '')
    return this.#orDown(await (this.pdsAnswer?.(proof) ?? new Response(proof)))
  }
}
