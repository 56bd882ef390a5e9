// Against real servers: a Cirrus in workerd, the PLC directory.
import { readdir, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startPlcCirrus } from '../../dev/account.ts'
import { type PlcDirectory, startPlc } from '../../dev/plc.ts'
import { seedCirrus, signIn } from '../../dev/seed.ts'
import { connect } from '../../src/client/index.ts'
import type { Check } from '../../src/mover/check.ts'
import { against, DID, fake, HOST, status } from './fake.ts'
import { folder, member, pds } from './support.ts'

const NEW = 'https://new.example.org'
const moved = status({
  active: false,
  state: 'deactivated',
  identity: { ...status().identity, pds: NEW, movedAway: true, rotationKeys: [] },
})
const levels = (json: unknown): Record<string, string> =>
  Object.fromEntries((member(json, 'checks') as Check[]).map(({ id, level }) => [id, level]))
const teardown = (answers: Parameters<typeof fake>[0], args: string[] = ['--json']) =>
  against(fake(answers), ['teardown', ...args])

describe('pds teardown', () => {
  it('says what is missing, and what to delete in which order', async () => {
    const retention = { pds: NEW, until: '2026-12-03T10:00:00.000Z', verified: false }
    const shown = await teardown(
      {
        'com.cirrus.admin.getStatus': { ...moved, retention },
        'com.atproto.sync.getRepoStatus': { did: DID, active: true },
      },
      [],
    )
    expect(shown.code).toBe(3)
    expect(shown.stdout).toMatchInlineSnapshot(`
      "✓ did        it names https://new.example.org
      ✓ there      https://new.example.org serves the account
      ✓ here       the account is deactivated
      ✗ retention  no blob is collected, and nothing is replaced or deleted, before 2026-12-03T10:00:00.000Z and before \`pds verify --to https://new.example.org\` has passed
                   Next: \`pds verify --to https://new.example.org\`
      ✗ backup     none was named
                   Next: \`pds backup <dir>\`, which still works, then \`pds teardown --backup <dir>\`
      ! handle     alice.example.com is this host name, which the Worker vouches for
                   Next: change the handle first, or set a DNS record _atproto.alice.example.com TXT

      Delete nothing yet: first mend what the lines with ✗ say. Then, in this order:
        0. keep the backup, and the key file that \`pds init\` wrote: off this machine
        1. the Worker: npx wrangler delete cirrus
           breaks: Reading what the target may still lack, turning back, and every answer under alice.example.com. The database and the secrets are deleted with it. Your handle alice.example.com, which this Worker vouches for: first change the handle, or set a DNS TXT record _atproto.alice.example.com.
        2. the R2 bucket: npx wrangler r2 bucket delete cirrus-blobs
           breaks: The last copy of blobs that the target lacks. Keep it as an archive, or first check that checkAccountStatus of the target counts as many imported blobs as expected.
        3. the DNS records: in the Cloudflare dashboard, the records of alice.example.com
           breaks: The name alice.example.com: anyone who registers the domain next speaks for it. Your handle is lost with it.
      See docs/troubleshoot.md#check-list-failed
      "
    `)
  })

  it.each<[string, Parameters<typeof fake>[0], Record<string, string>]>([
    [
      'the DID still names this server',
      { 'com.cirrus.admin.getStatus': status() },
      { did: 'fail', here: 'fail' },
    ],
    [
      'nobody knows which server the DID names',
      { 'com.cirrus.admin.getStatus': { ...moved, identity: { ...moved.identity, error: 'no answer' } } },
      { did: 'fail' },
    ],
    [
      'the other server does not serve the account',
      { 'com.cirrus.admin.getStatus': moved, 'com.atproto.sync.getRepoStatus': { did: DID, active: false } },
      { did: 'pass', there: 'fail' },
    ],
    [
      'the DID is the host name itself',
      { 'com.cirrus.admin.getStatus': { ...moved, did: `did:web:${HOST}` } },
      { did: 'fail' },
    ],
    [
      'the DID still has the rotation key',
      {
        'com.cirrus.admin.getStatus': {
          ...moved,
          identity: { ...moved.identity, rotationKeys: ['did:key:zOurs'] },
          keys: {
            signingKey: 'did:key:zOurs',
            secret: 'SIGNING_KEY',
            rotationKey: 'did:key:zOurs',
            separateRotationKey: false,
          },
        },
      },
      { key: 'warn' },
    ],
  ])('does not call it done where %s', async (_, answers, expected) => {
    const { code, json } = await teardown(answers)
    expect(code).toBe(3)
    expect(levels(json)).toMatchObject({ ...expected, backup: 'fail' })
  })
})

describe('pds teardown with a backup', () => {
  let plc: PlcDirectory
  let here: Awaited<ReturnType<typeof folder>>
  let cirrus: Awaited<ReturnType<typeof startPlcCirrus>>
  beforeAll(async () => {
    plc = await startPlc()
    here = await folder()
    cirrus = await startPlcCirrus({ plcUrl: plc.url, handle: 'alice.test' })
    await seedCirrus(cirrus.url, await signIn(cirrus.url, cirrus), { records: 10, blobs: 2 })
    await writeFile(here.in('wrangler.toml'), `[vars]\nPLC_DIRECTORY_URL = "${plc.url}"\n`)
  })
  afterAll(async () => {
    await Promise.all([cirrus.close(), plc.close()])
    await here[Symbol.asyncDispose]()
  })
  const run = (...args: string[]) =>
    pds([...args, '--json', '--host', cirrus.url], {
      cwd: here.path,
      env: { ADMIN_PASSWORD: cirrus.adminPassword, ADMIN_PASSWORD_HOST: cirrus.url },
    })
  const backup = async (dir: string) => levels((await run('teardown', '--backup', dir)).json)['backup']

  it('verifies it, and takes none that is damaged, missing, or of an earlier revision', async () => {
    expect((await run('backup', 'backup', '--without-keys')).code).toBe(0)
    expect(await backup('backup')).toBe('pass')
    expect(await backup('nothing')).toBe('fail')
    const owner = await connect(cirrus.url).login({ identifier: cirrus.did, password: cirrus.password })
    const collection = 'app.bsky.feed.post'
    const record = { $type: collection, text: 'after the backup', createdAt: new Date().toISOString() }
    await owner.com.atproto.repo.createRecord({ repo: cirrus.did, collection, record })
    expect(await backup('backup')).toBe('fail')
    expect((await run('backup', 'backup', '--without-keys')).code).toBe(0)
    const [blob = ''] = await readdir(here.in('backup/blobs'))
    await writeFile(here.in(`backup/blobs/${blob}`), 'damaged')
    expect(await backup('backup')).toBe('fail')
  })
})
