// Against real servers: a Cirrus in workerd, the PLC directory.
import { readFile, stat, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startPlcCirrus } from '../../dev/account.ts'
import { type PlcDirectory, startPlc } from '../../dev/plc.ts'
import { folder, member, pds, type RunOptions } from './support.ts'

let plc: PlcDirectory
let here: Awaited<ReturnType<typeof folder>>
let cirrus: Awaited<ReturnType<typeof startPlcCirrus>>

beforeAll(async () => {
  plc = await startPlc()
  here = await folder()
  cirrus = await startPlcCirrus({ plcUrl: plc.url, handle: 'alice.test' })
  await writeFile(
    here.in('wrangler.toml'),
    `[vars]\nHOSTNAME = "localhost:${cirrus.port}"\nHANDLE = "alice.test"\nPLC_DIRECTORY_URL = "${plc.url}"\n`,
  )
}, 60_000)
afterAll(async () => {
  await Promise.all([cirrus.close(), plc.close()])
  await here[Symbol.asyncDispose]()
})

const run = (args: readonly string[], options: RunOptions = {}) =>
  pds(['recovery-key', ...args], {
    cwd: here.path,
    env: { ADMIN_PASSWORD: cirrus.adminPassword },
    ...options,
  })
const create = async (name: string, ...args: string[]) => {
  const { json } = await run(['create', name, '--json', ...args])
  return String(member(json, 'did'))
}
const rotationKeys = async (): Promise<string[]> => {
  const answer: unknown = await (await fetch(`${plc.url}/${cirrus.did}/data`)).json()
  return Object(member(answer, 'rotationKeys')) as string[]
}

describe('pds recovery-key create', () => {
  it('writes the key into a file that only its owner can read, and asks nobody', async () => {
    const fetch = () => Promise.reject(new Error('no network'))
    const { code, stdout, stderr } = await run(['create', 'first.json'], { fetch })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^did:key:zQ3s\w+\nNext: `pds recovery-key add first.json`/)
    expect(stderr).toContain('Keep two copies off this machine')
    const file = here.in('first.json')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    const content: unknown = JSON.parse(await readFile(file, 'utf8'))
    expect(content).toMatchObject({ type: 'k256', did: stdout.split('\n')[0] })
    expect(stdout + stderr).not.toContain(String(member(content, 'privateKey')))
    expect(stdout + stderr).not.toContain(String(member(content, 'privateKeyMultibase')))
  })

  it('makes one of P-256, and never writes over a file', async () => {
    expect(await create('p256.json', '--curve', 'p256')).toMatch(/^did:key:zDn/)
    const before = await readFile(here.in('p256.json'), 'utf8')
    const again = await run(['create', 'p256.json', '--json'])
    expect([again.code, member(again.json, 'error', 'code')]).toEqual([4, 'keys-exist'])
    expect(await readFile(here.in('p256.json'), 'utf8')).toBe(before)
    expect((await run(['create', 'other.json', '--curve', 'rsa'])).code).toBe(2)
  })
})

describe('pds recovery-key add', () => {
  it('shows the DID before and after by roles, and changes nothing if the answer is no', async () => {
    const key = await create('mine.json')
    const before = await rotationKeys()
    const { code, stderr } = await run(['add', 'mine.json'], { tty: true, stdin: 'n' })
    expect(code).toBe(4)
    expect(stderr).toContain(`+ rotation key 1: ${key} (your recovery key)`)
    expect(stderr).toMatch(/ {2}rotation key \d: did:key:\w+ \(the server’s\), was \d/)
    expect(await rotationKeys()).toEqual(before)
  })

  it('puts it first, with its public half alone, and again says that it is', async () => {
    const key = await create('second.json')
    const before = await rotationKeys()
    const done = await run(['add', key, '--yes', '--json'])
    expect(done.json).toMatchObject({ ok: true, key, already: false, rotationKeys: [key, ...before] })
    expect(await rotationKeys()).toEqual([key, ...before])
    expect((await run(['add', 'second.json', '--json'])).json).toMatchObject({ ok: true, already: true })
  })

  it.each([
    [['add', 'nothing.json'], 2, 'there is no file'],
    [['add', 'did:key:zNope'], 2, 'is not a k256 or P-256 did:key'],
    [['add', 'wrangler.toml'], 1, 'is not the JSON'],
    [['drop', 'mine.json'], 2, 'is neither create nor add'],
    [['add', 'mine.json', '--from', 'https://old.example'], 2, '--from needs --identifier'],
  ])('%s is refused', async (args, code, text) => {
    const ran = await run(args)
    expect([ran.code, ran.stderr]).toEqual([code, expect.stringContaining(text)])
  })
})
