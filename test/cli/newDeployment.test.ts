import { readdir, readFile, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Io } from '../../src/cli/terminal/io.ts'
import { editCustomDomain } from '../../src/cli/project/customDomain.ts'
import { devAccountAt, devConfig } from '../../src/cli/project/devConfig.ts'
import { newWranglerToml } from '../../src/cli/project/settings.ts'
import { folder, member, pds, type RunOptions } from './support.ts'

let root: Awaited<ReturnType<typeof folder>>
beforeEach(async () => {
  root = await folder()
})
afterEach(() => root[Symbol.asyncDispose]())

const NAMES = ['--hostname', 'pds.example.com', '--handle', 'alice.example.com', '--web']
const init = (args: string[], options: RunOptions = {}) =>
  pds(['init', ...args, ...NAMES, '--json'], {
    cwd: root.path,
    env: { PDS_PASSWORD: 'correct horse' },
    ...options,
  })
/** Notes what was started, and ends it with this code. */
const programs = (code: number) => {
  const started: { program: string; args: readonly string[]; cwd: string }[] = []
  const start: Io['start'] = (program, args, { cwd }) => {
    started.push({ program, args, cwd })
    return { exited: Promise.resolve(code), stop: () => {} }
  }
  return { started, start }
}

describe('pds init <folder>', () => {
  it('writes four files, installs them, and sets the account up', async () => {
    const { started, start } = programs(0)
    const done = await init(['My PDS!'], { start })
    expect(done.json).toMatchObject({ ok: true, did: 'did:web:pds.example.com' })
    expect(started).toEqual([
      { program: 'npm', args: ['install', '--no-audit', '--no-fund'], cwd: root.in('My PDS!') },
    ])
    const { name, dependencies }: { name: string; dependencies: object } = JSON.parse(
      await readFile(root.in('My PDS!/package.json'), 'utf8'),
    )
    // npm would not take 0.2.0 for ^0.1.0.
    expect([name, dependencies]).toEqual(['my-pds', { 'cirrus-pds': '>=0.1.0 <1.0.0' }])
    expect(member(done.json, 'commands')).toEqual([
      "cd 'My PDS!'",
      'npx wrangler r2 bucket create my-pds-blobs',
      'npx wrangler deploy',
      'npx wrangler secret bulk .dev.vars',
      'npx pds activate',
      'npx pds doctor',
    ])
  })

  it('goes on where an installation failed', async () => {
    const failed = await init(['x'], programs(1))
    expect([failed.code, member(failed.json, 'error', 'code')]).toEqual([5, 'install-failed'])
    expect(await readdir(root.in('x'))).not.toContain('.dev.vars')
    expect((await init(['x'], programs(0))).json).toMatchObject({ ok: true })
  })

  it('uses pnpm where pnpm runs it', async () => {
    const { started, start } = programs(0)
    const env = { PDS_PASSWORD: 'correct horse', npm_config_user_agent: 'pnpm/12.0.0 node/v24' }
    await init(['x'], { start, env })
    expect(started[0]).toMatchObject({ program: 'pnpm', args: ['install'] })
  })

  it('takes a tarball from the user’s own folder', async () => {
    await init(['x', '--package', './cirrus.tgz', '--no-install'])
    expect(await readFile(root.in('x/package.json'), 'utf8')).toContain(`"file:${root.in('cirrus.tgz')}"`)
  })

  it.each([
    ['package.json', '{}'],
    ['worker.js', 'export default {}'],
    ['wrangler.toml', 'name = "another"\n'],
  ])('refuses a folder with another’s %s, and writes nothing', async (name, text) => {
    await writeFile(root.in(name), text)
    const refused = await init(['.'])
    expect(member(refused.json, 'error', 'code')).toBe('bad-folder')
    expect(await readdir(root.path)).toEqual([name])
  })

  it('writes nothing where an answer is wrong', async () => {
    const refused = await init(['x', '--new'])
    expect(member(refused.json, 'error', 'code')).toBe('usage')
    expect(await readdir(root.path)).toEqual([])
  })

  it('leaves the files of a clone of the source alone', async () => {
    await writeFile(root.in('wrangler.toml'), newWranglerToml('x').replace('worker.js', 'src/worker.ts'))
    const { started, start } = programs(0)
    expect((await init(['.'], { start })).json).toMatchObject({ ok: true })
    expect(await readdir(root.path)).not.toContain('worker.js')
    expect(started).toEqual([])
  })
})

describe('the custom domain in wrangler.toml', () => {
  const edit = (text: string, hostname: string, earlier?: string) =>
    editCustomDomain(text, hostname, earlier, 'wrangler.toml')

  it('is added once, and follows the host name', () => {
    const added = edit('name = "x"\n', 'pds.example.com') ?? ''
    expect(added).toContain('[[routes]]\npattern = "pds.example.com"\ncustom_domain = true')
    expect(edit(added, 'pds.example.com')).toBe(added)
    const moved = edit(added, 'new.example.com', 'pds.example.com')
    expect(moved).toBe(added.replace('pds.example.com', 'new.example.com'))
  })

  it('stays as the owner wrote it', () => {
    const own = 'routes = [{ pattern = "pds.example.com", custom_domain = true }]\n'
    expect(edit(own, 'pds.example.com')).toBe(own)
    expect(edit(own, 'other.example.com')).toBeUndefined()
    expect(edit('name = "x"\n', 'localhost:8787')).toBe('name = "x"\n')
  })
})

describe('the configuration of pds dev', () => {
  it('has the owner’s bindings and settings, and nothing of the owner’s account', () => {
    const config = devConfig(
      {
        main: 'worker.js',
        routes: [{ pattern: 'pds.example.com', custom_domain: true }],
        vars: { DID: 'did:web:pds.example.com', RELAYS: 'https://bsky.network', WRITE_POINTS_PER_HOUR: '9' },
        r2_buckets: [{ binding: 'BLOBS' }],
      },
      '/home/alice/my-pds',
      devAccountAt(8800, 'alice.test'),
    )
    expect(config).toEqual({
      main: '/home/alice/my-pds/worker.js',
      vars: {
        DID: 'did:web:localhost%3A8800',
        HANDLE: 'alice.test',
        HOSTNAME: 'localhost:8800',
        RECOVERY_KEYS: '',
        RELAYS: '',
        DEV: 'true',
        WRITE_POINTS_PER_HOUR: '9',
      },
      r2_buckets: [{ binding: 'BLOBS' }],
    })
  })

  it('needs wrangler in the deployment', async () => {
    await writeFile(root.in('wrangler.toml'), newWranglerToml('x'))
    const refused = await pds(['dev', '--json'], { cwd: root.path })
    expect(member(refused.json, 'error', 'code')).toBe('wrangler-missing')
    const wrong = await pds(['dev', '--port', 'x', '--json'], { cwd: root.path })
    expect(member(wrong.json, 'error', 'code')).toBe('usage')
  })
})
