/** `pds-contract` as a stranger starts it: a process of its own, against a real Cirrus and the real reference PDS. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startPlc, type PlcDirectory } from '../support/plc.ts'
import { startPlcCirrus } from '../../dev/account.ts'
import { seedCirrus, signIn } from '../../dev/seed.ts'
import { startReference } from './support/reference.ts'

const BIN = join(import.meta.dirname, '../../bin/pds-contract.js')

interface Ended {
  code: number
  report: {
    ok: boolean
    server: string
    incomplete: unknown[]
    left: unknown[]
    removed: string[]
    stale: unknown[]
    requests: number
    findings: { rule: string; level: string; outcome: string; subject: string; got: string }[]
  }
  stderr: string
}

let folder: string
let plc: PlcDirectory
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'contract-tool-'))
  plc = await startPlc()
})
afterAll(async () => {
  await plc?.close()
  if (folder) await rm(folder, { recursive: true, force: true })
})

const pdsContract = (args: readonly string[], password?: string): Promise<Ended> =>
  new Promise((resolve) => {
    const env = {
      ...process.env,
      NO_COLOR: '1',
      ...(password === undefined ? {} : { CONTRACT_PASSWORD: password }),
    }
    const all = [BIN, ...args, '--plc', plc.url, '--json', '--html', 'report.html', '--junit', 'report.xml']
    execFile(process.execPath, all, { cwd: folder, env, maxBuffer: 1 << 28 }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), report: JSON.parse(stdout), stderr }),
    )
  })

const broken = ({ report }: Ended) =>
  report.findings
    .filter(({ outcome }) => outcome === 'broken')
    .map(({ level, rule, subject, got }) => `${level} ${rule} ${subject}: ${got}`)

it('finds nothing of any level on a Cirrus with an account that posts', async () => {
  await using cirrus = await startPlcCirrus({ plcUrl: plc.url, handle: 'alice.test' })
  await seedCirrus(cirrus.url, await signIn(cirrus.url, cirrus), { records: 40, blobs: 3 })
  const anonymous = await pdsContract([cirrus.url, '--house', '--strict'])
  expect(broken(anonymous)).toEqual([])
  expect(anonymous).toMatchObject({ code: 0, report: { ok: true, incomplete: [], left: [] } })
  expect(anonymous.report.requests).toBeGreaterThan(500)
  expect(await readFile(join(folder, 'report.html'), 'utf8')).toContain('Nothing is broken of level must')
  expect(await readFile(join(folder, 'report.xml'), 'utf8')).toContain('failures="0" errors="0"')
})

it('finds only what is known on the reference PDS, and cleans up', async () => {
  await using pds = await startReference({ plcUrl: plc.url })
  const { agent, handle, password } = await pds.createAccount({ handle: 'contract.test' })
  const { data } = await agent.uploadBlob(new Uint8Array([1, 2, 3]), { encoding: 'image/png' })
  const embed = { $type: 'app.bsky.embed.images', images: [{ alt: '', image: data.blob }] }
  for (const text of ['one', 'two']) await agent.post({ text, embed })
  for (const args of [[], ['--write', '--identifier', handle, '--account-has-records']]) {
    const ended = await pdsContract([pds.url, '--strict', ...args], password)
    expect(broken(ended)).toEqual([])
    expect(ended).toMatchObject({
      code: 0,
      report: { ok: true, server: 'reference', incomplete: [], left: [], stale: [] },
    })
    expect(ended.report.findings.some(({ outcome }) => outcome === 'known')).toBe(true)
    if (args.length > 0) expect(ended.report.removed).toContain('the session')
  }
})

it('makes accounts of its own, has one move in, and says what stays', async () => {
  await using pds = await startReference({ plcUrl: plc.url })
  const ended = await pdsContract([pds.url, '--strict', '--write', '--throw-away'])
  expect(broken(ended)).toEqual([])
  expect(ended).toMatchObject({ code: 0, report: { ok: true, incomplete: [], stale: [] } })
  const left = ended.report.left.map(String)
  expect(left.filter((line) => line.includes('deactivated'))).toHaveLength(2)
  expect(ended.report.findings.filter(({ rule }) => rule.startsWith('target.')).length).toBeGreaterThan(40)
  // The documents of the package say what needs a credential.
  expect(ended.report.findings.some(({ rule }) => rule === 'credentials.none-refused')).toBe(true)
})
