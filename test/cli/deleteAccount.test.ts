import { writeFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startPlcCirrus } from '../../dev/account.ts'
import type { Cirrus } from '../../dev/cirrus.ts'
import { type PlcDirectory, startPlc } from '../../dev/plc.ts'
import { seedCirrus, signIn } from '../../dev/seed.ts'
import { folder, member, pds, type RunOptions } from './support.ts'

const HANDLE = 'alice.test'
let plc: PlcDirectory
let cirrus: Cirrus
let root: Awaited<ReturnType<typeof folder>>
beforeAll(async () => {
  plc = await startPlc()
  cirrus = await startPlcCirrus({ plcUrl: plc.url, handle: HANDLE })
  await seedCirrus(cirrus.url, await signIn(cirrus.url, cirrus), { records: 10, blobs: 2 })
})
afterAll(async () => {
  await cirrus.close()
  await plc.close()
})
beforeEach(async () => {
  root = await folder()
  await writeFile(root.in('wrangler.toml'), `[vars]\nPLC_DIRECTORY_URL = "${plc.url}"\n`)
})
afterEach(() => root[Symbol.asyncDispose]())

const run = (args: string[], options: RunOptions = {}) =>
  pds([...args, '--json', '--host', cirrus.url], {
    cwd: root.path,
    env: { ADMIN_PASSWORD: cirrus.adminPassword, ADMIN_PASSWORD_HOST: cirrus.url },
    ...options,
  })
const remove = (args: string[], options: RunOptions = {}) => run(['delete-account', ...args], options)
const state = async () => member((await run(['status'])).json, 'state')
const repoStatus = async (): Promise<unknown> =>
  (await fetch(`${cirrus.url}/xrpc/com.atproto.sync.getRepoStatus?did=${cirrus.did}`)).json()

describe('pds delete-account', () => {
  it.each<[string, string[], number, string]>([
    ['no backup is named', ['--confirm-handle', HANDLE], 4, 'backup-needed'],
    ['there is no such folder', ['--backup', './nothing', '--confirm-handle', HANDLE], 1, 'bad-backup'],
    ['the handle is not typed', ['--without-backup', '--yes'], 4, 'not-a-terminal'],
    ['another handle is typed', ['--without-backup', '--confirm-handle', 'bob.test'], 4, 'not-confirmed'],
    ['the flags contradict each other', ['--without-backup', '--backup', '.'], 2, 'usage'],
  ])('deletes nothing where %s', async (_, args, exit, code) => {
    const refused = await remove(args)
    expect([refused.code, member(refused.json, 'error', 'code')]).toEqual([exit, code])
    expect(await state()).toBe('active')
  })

  it('deletes nothing where the backup is old', async () => {
    await run(['backup', 'backup', '--without-keys'])
    const later = () => Date.now() + 3 * 24 * 3600_000
    const refused = await remove(['--backup', 'backup', '--confirm-handle', HANDLE], { now: later })
    expect(member(refused.json, 'error', 'code')).toBe('backup-needed')
    expect(member(refused.json, 'error', 'message')).toContain('days old')
    expect(await state()).toBe('active')
  })

  it('asks for the handle in a terminal', async () => {
    await run(['backup', 'backup', '--without-keys'])
    const asked = await remove(['--backup', 'backup'], { tty: true, stdin: '\u0003' })
    expect(asked.code).not.toBe(0)
    expect(await state()).toBe('active')
  })

  it('deletes the account after a backup of the last day, and says how far the erasure is', async () => {
    expect((await run(['backup', 'backup', '--without-keys'])).json).toMatchObject({ ok: true })
    const done = await remove(['--backup', 'backup', '--confirm-handle', HANDLE])
    expect([done.code, done.json]).toEqual([
      0,
      expect.objectContaining({ ok: true, did: cirrus.did, deleted: true }),
    ])
    expect(await repoStatus()).toEqual({ did: cirrus.did, active: false, status: 'deleted' })
    await expect.poll(async () => member((await remove([])).json, 'erased')).toBe(true)
    expect(await state()).toBe('deleted')
    expect((await run(['activate'])).code).not.toBe(0)
  })
})
