import { Buffer } from 'node:buffer'
import { scryptSync } from 'node:crypto'
import { env } from 'cloudflare:workers'
import { runInDurableObject } from 'cloudflare:test'
import type { Env } from '../../../src/config.ts'
import { isObject, type JsonObject } from '../../../src/isObject.ts'
import { ADMIN, CREDENTIALS, type Deployed } from '../deployed.ts'
import { createWorld, type World } from '../repository/world.ts'

/** The real Worker with an account that has enough for every fault to show, which can be put back as it was. */
export interface FullWorld extends World {
  /** Undoes what a run with a fault left behind, and forgets what was counted against the rate limits. */
  restore(): Promise<void>
}

const COST = { N: 16, r: 8, p: 1 }

/** A hash of the password that costs next to nothing to check: a run signs in ten times. */
function cheapHash(): string {
  const salt = new Uint8Array(16)
  const hash = scryptSync(CREDENTIALS.password, salt, 32, COST)
  const texts = [salt, hash].map((bytes) => Buffer.from(bytes).toString('base64url'))
  return ['scrypt', COST.N, COST.r, COST.p, ...texts].join('$')
}

// The plugin does not type the Worker's bindings.
const bindings = env as unknown as Env

/** Where the suite writes records, as it says in its areas. */
const WRITTEN = ['com.example.contract', 'app.bsky.feed.post']

const objects = (value: unknown): JsonObject[] => (Array.isArray(value) ? value.filter(isObject) : [])

async function fill({ call, did }: Deployed, auth: string): Promise<void> {
  const writes = Array.from({ length: 150 }, (_, i) => {
    const collection = i % 3 === 0 ? 'com.example.thing' : 'com.example.other'
    const value = { $type: collection, text: `number ${i}` }
    return { $type: 'com.atproto.repo.applyWrites#create', collection, value }
  })
  await call('com.atproto.repo.applyWrites', { body: { repo: did, writes }, auth })
  for (const [text, type] of [
    ['<script>alert(1)</script>'.repeat(100), 'text/html'],
    ['WEBVTT', 'text/vtt'],
  ] as const) {
    const body = new TextEncoder().encode(text)
    const { blob } = await call('com.atproto.repo.uploadBlob', { body, type, auth })
    const record = { $type: 'com.example.file', blob }
    await call('com.atproto.repo.createRecord', {
      body: { repo: did, collection: 'com.example.file', record },
      auth,
    })
  }
}

export async function createFullWorld(): Promise<FullWorld> {
  Object.assign(bindings, { PASSWORD_HASH: cheapHash() })
  const world = await createWorld()
  const { deployed } = world
  const { call, did, directory } = deployed
  const { accessJwt } = await call('com.atproto.server.createSession', { body: CREDENTIALS })
  const auth = `Bearer ${String(accessJwt)}`
  await fill(deployed, auth)
  const written = async (): Promise<string[]> => {
    const pages = WRITTEN.map(async (collection) => {
      const query = `?repo=${did}&collection=${collection}&limit=100`
      return objects((await call('com.atproto.repo.listRecords', { query }))['records'])
    })
    return (await Promise.all(pages)).flat().map(({ uri }) => String(uri))
  }
  const kept = new Set(await written())
  return {
    ...world,
    async restore() {
      directory.documentKey = undefined
      await runInDurableObject(bindings.ACCOUNT.getByName(did), (_, { storage }) => {
        storage.sql.exec('DELETE FROM rate')
      })
      if ((await deployed.inside(({ account }) => account.state())) !== 'active')
        await call('com.atproto.server.activateAccount', { auth: ADMIN })
      const left = (await written()).filter((uri) => !kept.has(uri))
      const writes = left.map((uri) => {
        const [collection, rkey] = uri.split('/').slice(-2)
        return { $type: 'com.atproto.repo.applyWrites#delete', collection, rkey }
      })
      if (writes.length > 0) await call('com.atproto.repo.applyWrites', { body: { repo: did, writes }, auth })
      const { passwords } = await call('com.atproto.server.listAppPasswords', { auth })
      for (const { name } of objects(passwords))
        await call('com.atproto.server.revokeAppPassword', { body: { name }, auth })
    },
  }
}
