// `pds move` as a process, which a person interrupts by Ctrl-C.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startPlcCirrus } from '../../dev/account.ts'
import { type Cirrus, startCirrus } from '../../dev/cirrus.ts'
import { type PlcDirectory, startPlc } from '../../dev/plc.ts'
import { seedCirrus, signIn } from '../../dev/seed.ts'
import { folder, member, pds } from './support.ts'

const BIN = join(import.meta.dirname, '../../bin/pds.js')
const TARGET_PASSWORD = 'target-password'

let plc: PlcDirectory
let here: Awaited<ReturnType<typeof folder>>
let source: Awaited<ReturnType<typeof startPlcCirrus>>
let target: Cirrus

beforeAll(async () => {
  plc = await startPlc()
  here = await folder()
  await writeFile(here.in('wrangler.toml'), `[vars]\nPLC_DIRECTORY_URL = "${plc.url}"\n`)
  source = await startPlcCirrus({ plcUrl: plc.url, handle: 'alice.test' })
  const { did } = source.account
  target = await startCirrus({ plcUrl: plc.url, handle: 'alice.test', did, password: TARGET_PASSWORD })
  await seedCirrus(source.url, await signIn(source.url, source), { records: 5, blobs: 1 })
}, 60_000)
afterAll(async () => {
  await Promise.all([source.close(), target.close(), plc.close()])
  await here[Symbol.asyncDispose]()
})
beforeEach(() => plc.recover())

const ask = async ({ url, adminPassword }: Cirrus, command: string) =>
  (
    await pds([command, '--json', '--host', url], {
      cwd: here.path,
      env: { ADMIN_PASSWORD: adminPassword, ADMIN_PASSWORD_HOST: url },
    })
  ).json

/** Starts the move by the account's password, and interrupts it while the directory keeps it waiting. */
const interrupt = async (press: (child: ReturnType<typeof spawn>) => Promise<void> | void) => {
  plc.fail({ status: 503, delayMs: 60_000, only: (method) => method === 'POST' })
  const { npm_lifecycle_event: _, PDS_NODE: __, ...env } = process.env
  const child = spawn(process.execPath, [BIN, 'move', '--to', target.url, '--host', source.url, '--yes'], {
    cwd: here.path,
    env: {
      ...env,
      NO_COLOR: '1',
      ADMIN_PASSWORD: source.adminPassword,
      ADMIN_PASSWORD_HOST: source.url,
      PDS_TARGET_PASSWORD: TARGET_PASSWORD,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const done = once(child, 'close')
  while (member(await ask(source, 'status'), 'fencedUntil') === undefined)
    expect(child.exitCode, stderr).toBeNull()
  await press(child)
  const [code] = await done
  return { code: Number(code), stderr }
}

describe('Ctrl-C', () => {
  it('once, though npm passes it on as well, lets writes go on and leaves no session', async () => {
    const { code, stderr } = await interrupt((child) => {
      child.kill('SIGINT')
      child.kill('SIGINT')
    })
    expect([code, stderr]).toEqual([130, expect.stringContaining(`${source.url} takes writes again`)])
    expect(await ask(source, 'status')).not.toHaveProperty('fencedUntil')
    expect(await ask(target, 'sessions')).toMatchObject({ sessions: [] })
  })

  it('twice ends it at once, whatever is left', async () => {
    const { code, stderr } = await interrupt(async (child) => {
      // The clean-up asks the directory first.
      plc.fail({ status: 503, delayMs: 60_000 })
      child.kill('SIGINT')
      await new Promise((resolve) => setTimeout(resolve, 600))
      child.kill('SIGINT')
    })
    // The clean-up, which waits for the directory, would have said what it left.
    expect([code, stderr]).toEqual([130, expect.not.stringContaining('takes')])
    expect(await ask(source, 'status')).toHaveProperty('fencedUntil')
  })
})
