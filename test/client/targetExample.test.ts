/** The example of docs/targets.md, as a program of its own: it takes an account from a real Cirrus into a SQLite file. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, it } from 'vitest'
import { newKey, startPlcCirrus } from '../../dev/account.ts'
import { startPlc } from '../../dev/plc.ts'
import { seedCirrus, signIn } from '../../dev/seed.ts'
import { connect } from '../../src/client/index.ts'

const ROOT = join(import.meta.dirname, '../..')
const TARGET = 'https://target.example.com'

/** Where the packages of the example are in this repository. */
const PACKAGES: Record<string, string> = {
  'cirrus-pds/client': 'src/client/index.ts',
  'cirrus-pds/client/import': 'src/client/import.ts',
  'cirrus-pds/client/subscribe': 'src/client/subscribe.ts',
  '@atproto/crypto': 'node_modules/@atproto/crypto/dist/index.js',
}

const PROGRAM = `
const { DatabaseSync } = await import('node:sqlite')
const [host, token, ours, file, didKey] = process.argv.slice(2)
const db = new DatabaseSync(file)
const { did } = await accept(host, token, JSON.parse(ours), db)
const again = await accept(host, token, JSON.parse(ours), db)
const [{ manifest, operation, preferences }] = db.prepare('SELECT * FROM account').all()
const count = (table) => db.prepare('SELECT count(*) AS n FROM ' + table).get().n
console.log(JSON.stringify({
  did, again: again.did, blocks: count('block'), blobs: count('blob'),
  claims: await readManifest(manifest, didKey), operation: JSON.parse(operation), preferences: JSON.parse(preferences),
  forged: await readManifest(manifest.slice(0, -8) + 'AAAAAAAA', didKey).then(() => true, () => false),
}))
`

it('has the whole account, the manifest and the signed operation in its file, also when it runs twice', async () => {
  await using plc = await startPlc()
  await using cirrus = await startPlcCirrus({ plcUrl: plc.url, handle: 'alice.test' })
  const { records, blobs } = await seedCirrus(cirrus.url, await signIn(cirrus.url, cirrus), {
    records: 40,
    blobs: 3,
  })
  const admin = connect(cirrus.url, { admin: { password: cirrus.adminPassword } })
  const { token } = await admin.com.cirrus.admin.createMigrationToken({
    audience: 'did:web:target.example.com',
    target: TARGET,
  })
  const key = await newKey()
  const ours = {
    rotationKeys: [key.did],
    verificationMethods: { atproto: key.did },
    services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: TARGET } },
  }
  const { signingKey } = (await admin.com.cirrus.admin.getStatus()).identity
  const folder = await mkdtemp(join(tmpdir(), 'target-example-'))
  try {
    const example = await readFile(join(import.meta.dirname, 'targetExample.ts'), 'utf8')
    const code = Object.entries(PACKAGES).reduce(
      (text, [name, file]) => text.replace(`'${name}'`, `'${pathToFileURL(join(ROOT, file)).href}'`),
      example,
    )
    await writeFile(join(folder, 'example.ts'), code + PROGRAM)
    const args = [cirrus.url, token, JSON.stringify(ours), join(folder, 'accounts.sqlite'), signingKey ?? '']
    const child = spawn(process.execPath, ['--no-warnings', join(folder, 'example.ts'), ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    const [exit] = (await once(child, 'close')) as [number]
    expect(exit).toBe(0)
    const found = JSON.parse(output)
    expect(found).toMatchObject({
      did: cirrus.did,
      again: cirrus.did,
      blobs: blobs.length,
      forged: false,
      claims: { iss: cirrus.did, blobs: { count: blobs.length } },
      operation: {
        type: 'plc_operation',
        services: ours.services,
        verificationMethods: { atproto: key.did },
      },
    })
    expect(found.blocks).toBeGreaterThan(records.size)
    expect(found.preferences).toHaveLength(2)
    const counted = Object.values<number>(found.claims.collections).reduce((sum, n) => sum + n, 0)
    expect(counted).toBe(records.size)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
