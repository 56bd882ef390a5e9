import type { Status } from '../../src/cli/servers/status.ts'
import { VERSION } from '../../src/version.ts'
import { describe, expect, it } from 'vitest'
import { against, fake, status } from './fake.ts'

const TARGET = 'https://new.example.com'

describe('pds status', () => {
  it('shows a repository that the server fetches, until it is there', async () => {
    const time = '2026-11-22T10:00:00.000Z'
    const pull = {
      source: 'https://old.example.com',
      phase: 'tokenNeeded',
      received: 70_000_000,
      size: 300_000_000,
      message: 'old.example.com answered with status 401',
      startedAt: time,
      changedAt: time,
    }
    const shown = await against(fake({ 'com.cirrus.admin.getPull': { pull } }), ['status'])
    expect(shown.stdout).toContain(
      'fetching the repository from https://old.example.com: needs another token',
    )
    expect(shown.stdout).toMatch(/[\d.]+ MB of [\d.]+ MB fetched/)
    expect(shown.stdout).toContain('answered with status 401')
    const upload = { pull: { ...pull, source: `sha256:${'a'.repeat(64)}`, phase: 'receiving' } }
    const parts = await against(fake({ 'com.cirrus.admin.getPull': upload }), ['status'])
    expect(parts.stdout).toContain('receiving the repository in parts: waits for the next part')
    expect(parts.stdout).toMatch(/[\d.]+ MB of [\d.]+ MB received/)
    const done = { pull: { ...pull, phase: 'done' } }
    const quiet = await against(fake({ 'com.cirrus.admin.getPull': done }), ['status'])
    expect(quiet.stdout).not.toContain('fetching')
  })

  it('says that did.json is served here, where it names another PDS', async () => {
    const didDocument = { pds: 'https://new.example.com', signingKey: 'did:key:zQ3sh' }
    const shown = await against(fake({ 'com.cirrus.admin.getStatus': status({ didDocument }) }), ['status'])
    expect(shown.stdout).toContain('served here, and names https://new.example.com: keep this host name')
  })

  it('shows failed sign-ins and refused tokens, where there are any', async () => {
    const signIns = { failedInARow: 1203, lastFailedAt: '2026-11-22T10:00:00.000Z', refusedTokens: 1 }
    const shown = await against(fake({ 'com.cirrus.admin.getStatus': status({ signIns }) }), ['status'])
    expect(shown.stdout).toContain(
      '1,203 wrong passwords since the last good one, the last 2026-11-22T10:00:00.000Z',
    )
    expect(shown.stdout).toContain('1 token refused in the last day')
    const none = status({ signIns: { failedInARow: 0, refusedTokens: 0 } })
    const quiet = await against(fake({ 'com.cirrus.admin.getStatus': none }), ['status'])
    expect(quiet.stdout).not.toContain('Sign-ins')
  })

  it('says when the server runs another version than the one that is installed here', async () => {
    const shown = (versions: Status['versions']) =>
      against(fake({ 'com.cirrus.admin.getStatus': status({ versions }) }), ['status'])
    const other = await shown({ program: '0.0.9', schema: 5 })
    expect(other.stdout).toContain(`the server runs 0.0.9, and this pds is ${VERSION}: deploy again`)
    expect((await shown(undefined)).stdout).toContain('the server runs an earlier version')
    expect((await against(fake(), ['status'])).stdout).not.toContain('this pds is')
  })

  it('says whether the relays follow, and how far the AppView is behind', async () => {
    const shown = async (reach: object) =>
      (await against(fake({ 'com.cirrus.admin.getReach': reach }), ['status'])).stdout
    const text = await shown({
      relays: [
        { relay: 'https://a.example', status: 'active', behind: 3 },
        { relay: 'https://b.example', status: 'offline' },
        { relay: 'https://c.example', error: 'it does not say (501)' },
      ],
      appView: { url: 'https://api.example', known: true, handle: 'handle.invalid', behindMs: 300_000 },
    })
    expect(text).toContain('https://a.example  follows, 3 events behind')
    expect(text).toContain('https://b.example  gave this server up, and is asked again within hours')
    expect(text).toContain('https://c.example  not known: it does not say (501)')
    expect(text).toContain('https://api.example  knows the account, 5 min behind')
    expect(text).toContain('it could not verify the handle')
    const unknown = await shown({ relays: [], appView: { url: 'https://api.example', known: false } })
    expect(unknown).toContain('does not know the account yet')
    expect(unknown).not.toContain('Relays')
  })

  it('is a table that ends with the next command', async () => {
    expect((await against(fake(), ['status'])).stdout).toMatchInlineSnapshot(`
      "Account     alice.example.com  did:plc:ewvi7nxzyoun6zhxrhs64oiz
      Server      https://alice.example.com  Cirrus 0.1.0, database 7
      State       active
      Identity    PDS https://alice.example.com (this server)
                  signing key did:key:zQ3shnFYs7Xgs9uFPHfRNCw4EV53UGutJJg5EDW9hrrzMw46R
                  rotation keys, the highest first
                  1. did:key:zQ3shTmj4FXn9ZqxBjGkzfvhB9Bbshmrz9bGbL8Ag9dTNLvgs
                  2. did:key:zQ3shnFYs7Xgs9uFPHfRNCw4EV53UGutJJg5EDW9hrrzMw46R
                  head bafyreics4vcrrrjdvmx26323vuz4hyhlrjdf3stqag7fbqg2xazkpczm2q
      Repository  rev 3n2vjx2vlms22, 1,234 records, 2,345 blocks
                  commit bafyreibfqglqbe4vepmnmtirec324no5axxjttfqyaympwauj5n4cuvffm
      Blobs       55 of 56 blobs stored
      Journal     2026-11-22T10:00:00.000Z  activate
      Next        All is well: nothing to do.
      "
    `)
  })

  it('warns of what is near a limit', async () => {
    const warnings = [{ name: 'database-size', message: 'The database has 8,000 MB.' }]
    const shown = await against(fake({ 'com.cirrus.admin.getStatus': status({ warnings }) }), ['status'])
    expect(shown.stdout).toMatch(/^Warnings +The database has 8,000 MB\.$/m)
  })

  it('shows what was signed and not submitted', async () => {
    const waiting = {
      cid: 'bafyrei',
      signedAt: '2026-11-22T09:00:00.000Z',
      pds: TARGET,
      changes: ['the PDS changes'],
    }
    const shown = await against(fake({ 'com.cirrus.admin.getStatus': status({ unsubmitted: [waiting] }) }), [
      'status',
    ])
    expect(shown.stdout).toContain('bafyrei, signed 2026-11-22T09:00:00.000Z, to https://new.example.com')
  })
})
