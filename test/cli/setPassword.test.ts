// Another account password, in the files of a deployment.
import { readFile, stat, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { type KeyFile, readKeyFile, writeKeyFile } from '../../src/cli/init/keyFiles.ts'
import { parseDevVars } from '../../src/cli/project/devVars.ts'
import { verifyPassword } from '../../src/crypto/password.ts'
import { Secret } from '../../src/crypto/secret.ts'
import { startProgram } from '../../src/cli/terminal/io.ts'
import { fakeWrangler } from './fakeWrangler.ts'
import { folder, member, pds, type RunOptions } from './support.ts'

const KEYS = 'cirrus-keys-alice.example.com.json'
const OLD = { SIGNING_KEY: 'a', ADMIN_PASSWORD: 'b', PASSWORD_HASH: 'old', SESSION_SECRET: 'c' }
const keys: KeyFile = {
  did: 'did:web:alice.example.com',
  handle: 'alice.example.com',
  hostname: 'pds.example.com',
  signingKey: 'did:key:x',
  secrets: OLD,
  accountPassword: 'old-generated',
}

const deployment = async (withKeys = true) => {
  const here = await folder()
  await writeFile(here.in('wrangler.toml'), '[vars]\nHANDLE = "alice.example.com"\n')
  await writeFile(here.in('.dev.vars'), '# mine\nSIGNING_KEY=a\nPASSWORD_HASH=old\n')
  if (withKeys) await writeKeyFile(here.in(KEYS), keys)
  return here
}
const run = (cwd: string, args: string[] = [], options: RunOptions = {}) =>
  pds(['set-password', '--json', '--print', ...args], { cwd, ...options })

describe('pds set-password', () => {
  it('puts the hash of PDS_PASSWORD into the key file and .dev.vars, and says how to deploy it', async () => {
    await using here = await deployment()
    const done = await run(here.path, ['--yes'], { env: { PDS_PASSWORD: 'a new password' } })
    expect(done.code, done.stdout).toBe(0)
    expect(done.json).toMatchObject({ generated: false, commands: ['npx wrangler secret bulk .dev.vars'] })
    expect(done.stdout + done.stderr).not.toContain('a new password')
    const devVars = await readFile(here.in('.dev.vars'), 'utf8')
    const hash = parseDevVars(devVars)['PASSWORD_HASH'] ?? ''
    expect(await verifyPassword(new Secret('a new password'), new Secret(hash))).toBe(true)
    expect(devVars).toContain('# mine\nSIGNING_KEY=a\n')
    // The password that was generated before is not the password any more.
    const { accountPassword: _, ...rest } = keys
    expect(await readKeyFile(here.in(KEYS))).toEqual({ ...rest, secrets: { ...OLD, PASSWORD_HASH: hash } })
    for (const name of [KEYS, '.dev.vars']) expect((await stat(here.in(name))).mode & 0o777).toBe(0o600)
  })

  it('has wrangler put the hash into the Worker, and says what to do where it fails', async () => {
    await using here = await deployment()
    await using wrangler = await fakeWrangler(here.path)
    const options = { cwd: here.path, env: { PDS_PASSWORD: 'a new password' }, start: startProgram }
    const done = await pds(['set-password', '--yes', '--json'], options)
    expect(done.json).toMatchObject({ ok: true, deployed: true, commands: [] })
    const { PASSWORD_HASH } = parseDevVars(await readFile(here.in('.dev.vars'), 'utf8'))
    expect(wrangler.runs).toMatchObject([
      { args: ['secret', 'bulk'], stdin: JSON.stringify({ PASSWORD_HASH }) },
    ])
    wrangler.onRun = () => 1
    const failed = await pds(['set-password', '--yes', '--json'], options)
    expect([failed.code, member(failed.json, 'error', 'code')]).toEqual([5, 'secrets-not-put'])
    const asked = await pds(['set-password'], { ...options, tty: true, stdin: 'y\nn' })
    expect([asked.code, wrangler.runs.length]).toEqual([0, 2])
    expect(asked.stdout).toContain('until then the old password is valid')
  })

  it('generates one without a terminal, and keeps it in the key file', async () => {
    await using here = await deployment()
    expect((await run(here.path, ['--yes'])).json).toMatchObject({ ok: true, generated: true })
    const file = await readKeyFile(here.in(KEYS))
    expect(file?.accountPassword).not.toBe('old-generated')
    const [password, hash] = [file?.accountPassword ?? '', file?.secrets.PASSWORD_HASH ?? '']
    expect(await verifyPassword(new Secret(password), new Secret(hash))).toBe(true)
  })

  it('generates none where the key file is not there to keep it', async () => {
    await using here = await deployment(false)
    const before = await readFile(here.in('.dev.vars'), 'utf8')
    expect(member((await run(here.path, ['--yes'])).json, 'error', 'code')).toBe('not-a-terminal')
    expect(await readFile(here.in('.dev.vars'), 'utf8')).toBe(before)
    const given = await run(here.path, ['--yes'], { env: { PDS_PASSWORD: 'a new password' } })
    expect(given.code).toBe(0)
    expect(JSON.stringify(member(given.json, 'warnings'))).toContain('put the new PASSWORD_HASH')
  })

  it('asks first, and refuses a password that is too short, or another server', async () => {
    await using here = await deployment()
    const before = await readFile(here.in(KEYS), 'utf8')
    for (const [args, env, code] of [
      [[], { PDS_PASSWORD: 'a new password' }, 4],
      [['--yes'], { PDS_PASSWORD: 'short' }, 2],
      [['--yes', '--dev'], { PDS_PASSWORD: 'a new password' }, 2],
      [['--yes', '--host', 'other.example.com'], { PDS_PASSWORD: 'a new password' }, 2],
    ] as const)
      expect((await run(here.path, [...args], { env })).code).toBe(code)
    expect(await readFile(here.in(KEYS), 'utf8')).toBe(before)
  })
})
