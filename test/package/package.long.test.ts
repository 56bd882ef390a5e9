/** What an owner has who installed the package: the packed tarball in an empty folder, and nothing else of this one. */
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { freePort } from '../../dev/port.ts'
import { editVars } from '../../src/cli/project/wranglerToml.ts'
import { schemaVersion } from '../../src/account/db/schema.ts'
import { VERSION } from '../../src/version.ts'
import { member } from '../cli/support.ts'
import type { Fixture } from '../fixtures/database.ts'

const ROOT = join(import.meta.dirname, '../..')
const run = promisify(execFile)
let place: string
const deployment = () => join(place, 'my-pds')
const bin = () => join(place, 'installed/package/bin/pds.js')
// The owner's own Node and nothing of this package's.
const env = () => ({
  PATH: [dirname(process.execPath), '/usr/bin', '/bin'].join(':'),
  HOME: place,
  NO_COLOR: '1',
  WRANGLER_SEND_METRICS: 'false',
  PDS_PASSWORD: 'correct horse battery',
})

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'cirrus-package-'))
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: 'ignore' })
  execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', place], { cwd: ROOT })
  const tarball = join(place, `cirrus-pds-${VERSION}.tgz`)
  await mkdir(join(place, 'installed'))
  execFileSync('tar', ['xzf', tarball, '-C', join(place, 'installed')])
}, 180_000)
afterAll(() => rm(place, { recursive: true, force: true }))

/** As npm installs it: the package has no dependencies, and wrangler is the one that it was tested with. */
const install = async (): Promise<void> => {
  const modules = join(deployment(), 'node_modules')
  await mkdir(join(modules, 'cirrus-pds'), { recursive: true })
  const tarball = join(place, `cirrus-pds-${VERSION}.tgz`)
  execFileSync('tar', ['xzf', tarball, '-C', join(modules, 'cirrus-pds'), '--strip-components=1'])
  await symlink(join(ROOT, 'node_modules/wrangler'), join(modules, 'wrangler'))
  await mkdir(join(modules, '.bin'))
  await symlink('../cirrus-pds/bin/pds.js', join(modules, '.bin/pds'))
  await symlink('../cirrus-pds/bin/pds-contract.js', join(modules, '.bin/pds-contract'))
  await symlink('../wrangler/bin/wrangler.js', join(modules, '.bin/wrangler'))
}

const pds = async (...args: string[]): Promise<unknown> => {
  const { stdout } = await run('npx', ['--no-install', 'pds', ...args, '--json'], {
    cwd: deployment(),
    env: env(),
  })
  return JSON.parse(stdout)
}

const running: ChildProcess[] = []
afterAll(() => running.forEach((child) => signal(child)))
/** To the whole group: npm starts a shell, which starts the program. */
const signal = (child: ChildProcess): void => {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
    process.kill(-child.pid, 'SIGTERM')
}
/** Whether a process of its group is left. */
const isRunning = ({ pid = 0 }: ChildProcess): boolean => {
  try {
    return process.kill(-pid, 0)
  } catch {
    return false
  }
}
const start = (
  command: string,
  args: string[],
): { stop(): Promise<unknown>; seen(text: string): Promise<void> } => {
  const child = spawn(command, args, { cwd: deployment(), env: env(), detached: true })
  running.push(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  return {
    stop: async () => {
      signal(child)
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      // npm and npx end before what they started, which still holds the database and the port.
      while (isRunning(child)) await new Promise((resolve) => setTimeout(resolve, 50))
    },
    seen: async (text) => {
      while (!output.includes(text)) {
        if (child.exitCode !== null) throw new Error(output)
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    },
  }
}

const post = async (url: string, method: string, body: object, token?: unknown): Promise<unknown> => {
  const answer = await fetch(`${url}/xrpc/${method}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${String(token)}` }),
    },
    body: JSON.stringify(body),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method}: ${answer.status} ${text}`)
  return JSON.parse(text)
}

it('becomes a deployment of four files in an empty folder', async () => {
  const args = ['init', 'my-pds', '--hostname', 'pds.example.com', '--handle', 'alice.example.com', '--web']
  const { stdout } = await run(process.execPath, [bin(), ...args, '--no-install', '--json'], {
    cwd: place,
    env: env(),
  })
  expect(JSON.parse(stdout)).toMatchObject({ ok: true, did: 'did:web:pds.example.com' })
  expect((await readdir(deployment())).toSorted()).toEqual([
    '.dev.vars',
    '.gitignore',
    'cirrus-keys-alice.example.com.json',
    'package.json',
    'worker.js',
    'wrangler.toml',
  ])
  await install()
  // A second run finds everything there.
  expect(await pds('init', '.', ...args.slice(2))).toMatchObject({ ok: true, kept: true })
})

it('is bundled by wrangler, with the custom domain and everything bound', async () => {
  const { stdout } = await run('npx', ['--no-install', 'wrangler', 'deploy', '--dry-run'], {
    cwd: deployment(),
    env: env(),
  })
  for (const text of ['env.ACCOUNT (AccountObject)', 'env.PASSWORDS (PasswordObject)', 'my-pds-blobs'])
    expect(stdout).toContain(text)
  expect(Number(/gzip: ([\d.]+) KiB/.exec(stdout)?.[1])).toBeLessThan(256)
  expect(await readFile(join(deployment(), 'wrangler.toml'), 'utf8')).toMatch(
    /\[\[routes\]\]\npattern = "pds.example.com"\ncustom_domain = true/,
  )
})

it('serves an account that can post, with `npm run dev`, and keeps it for the next run', async () => {
  const port = await freePort()
  const first = start('npm', ['run', 'dev', '--', '--port', String(port)])
  await first.seen('Stop it:')
  const status = await pds('status', '--dev')
  expect(status).toMatchObject({ state: 'active', did: `did:web:localhost%3A${port}` })
  const url = `http://localhost:${port}`
  const session = await post(url, 'com.atproto.server.createSession', {
    identifier: 'alice.test',
    password: 'development',
  })
  const record = { $type: 'app.bsky.feed.post', text: 'hello', createdAt: new Date().toISOString() }
  const made = await post(
    url,
    'com.atproto.repo.createRecord',
    { repo: 'alice.test', collection: 'app.bsky.feed.post', record },
    member(session, 'accessJwt'),
  )
  expect(member(made, 'validationStatus')).toBe('valid')
  const contract = await run(
    'npx',
    [
      '--no-install',
      'pds-contract',
      url,
      '--only',
      'com.atproto.sync',
      '--house',
      '--strict',
      '--json',
      '--html',
      'r.html',
    ],
    { cwd: deployment(), env: env(), maxBuffer: 1 << 28 },
  )
  expect(JSON.parse(contract.stdout)).toMatchObject({ ok: true, incomplete: [] })
  expect(await readFile(join(deployment(), 'r.html'), 'utf8')).toContain('Nothing is broken of level must')
  await rm(join(deployment(), 'r.html'))
  await first.stop()
  // npm ends before the program that it started.
  await expect.poll(() => readdir(join(deployment(), '.wrangler/dev'))).not.toContain('running.json')

  const second = start('npm', ['run', 'dev', '--', '--port', String(port)])
  await second.seen('Stop it:')
  expect(await pds('status', '--dev')).toMatchObject({ repo: { records: 1 } })
  await second.stop()
})

/** Puts the database of an earlier version in place of the one that workerd made. */
const restoreFixture = async (state: string, { ddl, tables }: Fixture): Promise<void> => {
  const files = await readdir(state, { recursive: true })
  const file = files.find((name) => /AccountObject[/\\][0-9a-f]{64}\.sqlite$/.test(name))
  const database = new DatabaseSync(join(state, file ?? 'missing'), { timeout: 10_000 })
  const names = database
    .prepare(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'sqlite_*' AND name NOT GLOB '_cf_*'",
    )
    .all()
    .map(({ name }) => String(name))
  database.exec('PRAGMA foreign_keys = OFF')
  for (const name of names) database.exec(`DROP TABLE "${name}"`)
  for (const statement of ddl) database.exec(statement)
  for (const [name, { columns, rows }] of Object.entries(tables)) {
    const insert = database.prepare(`INSERT INTO "${name}" VALUES (${columns.map(() => '?').join()})`)
    for (const row of rows)
      insert.run(...row.map((cell) => (Array.isArray(cell) ? Buffer.from(cell[0], 'hex') : cell)))
  }
  database.close()
}

it('is upgraded over the database and the wrangler.toml of an earlier version', async () => {
  const fixture: Fixture = JSON.parse(await readFile(join(ROOT, 'test/fixtures/schema-v5.json'), 'utf8'))
  const toml = join(deployment(), 'wrangler.toml')
  const [port, state] = [await freePort(), join(place, 'state')]
  const current = editVars(
    await readFile(toml, 'utf8'),
    { DID: fixture.did, HOSTNAME: `localhost:${port}`, DEV: 'true', RELAYS: '' },
    toml,
  )
  // Without what came later: the second class of objects, the logs.
  const cut = (text: string, from: string) =>
    text.replace(new RegExp(`(#[^\\n]*\\n)?${from}[^]*?(?=\\n(#|\\[)|$)`), '')
  const early = [
    '\\[\\[durable_objects\\.bindings\\]\\]\\nname = "PASSWORDS"',
    '\\[\\[migrations\\]\\]\\ntag = "v2"',
    '\\[observability\\]',
  ].reduce(cut, current)
  await writeFile(toml, early)
  expect(early).not.toContain('PasswordObject')
  expect(await pds('upgrade', '--yes')).toMatchObject({ changed: true })
  expect(await pds('upgrade')).toMatchObject({ changed: false })

  const wrangler = ['--no-install', 'wrangler', 'dev', '--ip', '127.0.0.1', '--port', String(port)]
  const serve = () => start('npx', [...wrangler, '--persist-to', state])
  const url = `http://localhost:${port}`
  const before = serve()
  await before.seen('Ready on')
  await fetch(`${url}/xrpc/com.atproto.sync.getLatestCommit?did=${fixture.did}`)
  await before.stop()
  await restoreFixture(state, fixture)

  const after = serve()
  await after.seen('Ready on')
  const commit = await fetch(`${url}/xrpc/com.atproto.sync.getLatestCommit?did=${fixture.did}`)
  expect(await commit.json()).toEqual({ cid: fixture.head.root, rev: fixture.head.rev })
  expect(await pds('status', '--host', `localhost:${port}`)).toMatchObject({
    did: fixture.did,
    repo: { records: fixture.records.length },
    versions: { program: VERSION, schema: schemaVersion() },
  })
  await after.stop()
})

it('has the mover for programs of others: it imports, compiles and asks nobody anything by itself', async () => {
  const program = join(place, 'program')
  await mkdir(join(program, 'node_modules'), { recursive: true })
  await symlink(join(place, 'installed/package'), join(program, 'node_modules/cirrus-pds'))
  const text = `import { folderStore, moveAccount, MoverError, passwordSource, standardTarget, type Owner } from 'cirrus-pds/mover'
const owner: Owner = { answer: async () => { throw new Error('asked') } }
const deps = {
  fetch: async () => { throw new TypeError('offline') },
  now: () => Date.now(),
  random: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
  wait: async () => {},
  signal: new AbortController().signal,
  directoryUrl: 'https://plc.directory',
  dev: false,
}
try {
  await moveAccount({
    account: 'did:plc:ewvi7nxzyoun6zhxrhs64oiz',
    source: passwordSource({ origin: undefined, identifier: 'alice', owner, deps }),
    target: standardTarget({ origin: 'https://pds.example.org', owner, deps }),
    owner,
    store: await folderStore('journal', deps.now),
    deps,
  })
} catch (cause) {
  if (!(cause instanceof MoverError)) throw cause
  console.log(cause.code, '|', cause.next)
}
`
  await writeFile(join(program, 'program.mts'), text)
  await writeFile(join(program, 'package.json'), '{"type":"module"}')
  const tsconfig = {
    compilerOptions: { module: 'nodenext', strict: true, noEmit: true, lib: ['es2024', 'dom'], types: [] },
    files: ['program.mts'],
  }
  await writeFile(join(program, 'tsconfig.json'), JSON.stringify(tsconfig))
  execFileSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', program], { stdio: 'inherit' })
  const { stdout } = await run(process.execPath, ['program.mts'], { cwd: program, env: env() })
  expect(stdout.trim()).toBe('directory-unavailable | run the same command again in a minute')
}, 120_000)
