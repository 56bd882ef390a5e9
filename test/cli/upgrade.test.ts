import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parse } from 'smol-toml'
import { COMPATIBILITY_DATE, newWranglerToml, WRANGLER_VERSION } from '../../src/cli/project/settings.ts'
import { upgradePackageJson } from '../../src/cli/project/upgradePackageJson.ts'
import { VERSION } from '../../src/version.ts'
import { folder, member, pds } from './support.ts'

let root: Awaited<ReturnType<typeof folder>>
beforeEach(async () => {
  root = await folder()
})
afterEach(() => root[Symbol.asyncDispose]())

const read = () => readFile(root.in('wrangler.toml'), 'utf8')
const write = (text: string) => writeFile(root.in('wrangler.toml'), text)
const upgrade = (...args: string[]) => pds(['upgrade', ...args], { cwd: root.path })

/** As an early version wrote it, with the owner's own values and comments. */
const EARLY = `# mine: do not touch
name = "my-pds" # the Worker
main = "worker.js"
compatibility_date = "2026-01-01" # tested in spring

[vars]
DID = "did:web:pds.example.com"
HANDLE = "alice.example.com" # me
HOSTNAME = "pds.example.com"
WRITE_POINTS_PER_HOUR = "9000"

[[durable_objects.bindings]]
name = "ACCOUNT"
class_name = "AccountObject"

[[durable_objects.bindings]]
name = "COUNTER" # mine
class_name = "CounterObject"

[[migrations]]
tag = "v1"
new_sqlite_classes = ["AccountObject"]

[[migrations]]
tag = "v2"
new_sqlite_classes = ["CounterObject"]

[[r2_buckets]]
binding = "BLOBS"
bucket_name = "pictures"
`

describe('pds upgrade', () => {
  it('adds what this version needs, keeps everything else, and changes nothing the second time', async () => {
    await write(EARLY)
    const done = await upgrade('--yes')
    expect(done.code, done.stderr).toBe(0)
    const text = await read()
    // Every line of the owner is still there, but for the date.
    const kept = EARLY.split('\n').filter((line) => !line.startsWith('compatibility_date'))
    for (const line of kept) expect(text.split('\n')).toContain(line)
    expect(text).toContain(`compatibility_date = "${COMPATIBILITY_DATE}" # tested in spring`)
    expect(parse(text)).toMatchObject({
      durable_objects: {
        bindings: [
          { name: 'ACCOUNT' },
          { name: 'COUNTER' },
          { name: 'PASSWORDS', class_name: 'PasswordObject' },
        ],
      },
      migrations: [
        { tag: 'v1' },
        { tag: 'v2' },
        { tag: 'cirrus-v2', new_sqlite_classes: ['PasswordObject'] },
      ],
      r2_buckets: [{ bucket_name: 'pictures' }],
      observability: { enabled: true },
      keep_names: false,
    })
    expect(text).toContain('# tested in spring\n# Faster to start,')
    expect(done.stdout).toContain('npx wrangler deploy')
    const again = await upgrade('--json')
    expect([again.code, again.json]).toEqual([0, expect.objectContaining({ changed: false, missing: [] })])
    expect(await read()).toBe(text)
  })

  it('shows what it would change and writes nothing without a yes', async () => {
    await write(EARLY)
    const asked = await upgrade()
    expect(asked.code).toBe(4)
    expect(asked.stderr).toContain('- compatibility_date = "2026-01-01" # tested in spring')
    expect(asked.stderr).toContain('+ class_name = "PasswordObject"')
    const check = await upgrade('--check', '--json')
    expect([check.code, member(check.json, 'missing')]).toEqual([
      3,
      [
        `compatibility_date ${COMPATIBILITY_DATE}, not 2026-01-01`,
        'names of functions are left out (keep_names)',
        'the binding PASSWORDS of PasswordObject',
        'the migration that creates PasswordObject',
        'logs are kept ([observability])',
      ],
    ])
    expect(await read()).toBe(EARLY)
  })

  it('leaves a new deployment and a later date as they are', async () => {
    await write(newWranglerToml('my-pds').replace(COMPATIBILITY_DATE, '2027-01-01'))
    expect((await upgrade('--json')).json).toMatchObject({ changed: false })
  })

  it('leaves keep_names as the owner has it, and adds it where there is no date either', async () => {
    await write(newWranglerToml('my-pds').replace('keep_names = false', 'keep_names = true'))
    expect((await upgrade('--json')).json).toMatchObject({ changed: false })
    await write(EARLY.replace(/^compatibility_date.*\n/m, ''))
    expect((await upgrade('--yes')).code).toBe(0)
    expect(parse(await read())).toMatchObject({ keep_names: false, compatibility_date: COMPATIBILITY_DATE })
  })

  it.each([
    ['durable_objects = { bindings = [] }\n', 'durable_objects.bindings'],
    ['r2_buckets = []\n', 'r2_buckets'],
  ])('says what to add where %s cannot be added to', async (inline, block) => {
    const text = `${inline}main = "worker.js"\n`
    await write(text)
    const refused = await upgrade('--yes', '--json')
    expect(member(refused.json, 'error', 'code')).toBe('bad-config')
    expect(member(refused.json, 'error', 'next')).toContain(block)
    expect(await read()).toBe(text)
  })

  it('refuses a binding of the same name for another class', async () => {
    await write(EARLY.replace('class_name = "AccountObject"', 'class_name = "Mine"'))
    const refused = await upgrade('--yes', '--json')
    expect(member(refused.json, 'error', 'message')).toContain('ACCOUNT is of the class Mine')
  })

  it('raises an older wrangler in package.json, and leaves a newer one and other forms', async () => {
    await write(newWranglerToml('my-pds'))
    const text = '{ "name": "x", "devDependencies": { "wrangler": "^4.1.0", "mine": "1" } }\n'
    await writeFile(root.in('package.json'), text)
    const done = await upgrade('--yes', '--json')
    expect(member(done.json, 'next')).toEqual(['npm install', 'npx wrangler deploy'])
    expect(await readFile(root.in('package.json'), 'utf8')).toBe(text.replace('^4.1.0', WRANGLER_VERSION))
    for (const other of ['99.0.0', 'latest', 'file:../wrangler', WRANGLER_VERSION])
      expect(upgradePackageJson(text.replace('^4.1.0', other))).toContain(other)
  })
})

describe('what pds init and pds upgrade write', () => {
  const root = join(import.meta.dirname, '../..')

  it('has every binding, class and setting of the clone’s own wrangler.toml', async () => {
    const own = parse(await readFile(join(root, 'wrangler.toml'), 'utf8'))
    const { alias: _, define: __, main: ___, name: ____, r2_buckets: _____, ...shared } = own
    const { main, name, r2_buckets, ...written } = parse(newWranglerToml('x'))
    expect(written).toEqual(shared)
    expect([main, name, r2_buckets]).toEqual([
      'worker.js',
      'x',
      [{ binding: 'BLOBS', bucket_name: 'x-blobs' }],
    ])
  })

  it('names the versions of this package', async () => {
    const { version, devDependencies }: { version: string; devDependencies: Record<string, string> } =
      JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
    expect([VERSION, WRANGLER_VERSION]).toEqual([version, devDependencies['wrangler']])
  })
})
