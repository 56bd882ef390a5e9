/** `pds-contract` as a stranger starts it: a process of its own, against a real Cirrus and the real reference PDS. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startPlc, type PlcDirectory } from '../support/plc.ts'
import { startPlcCirrus } from '../../dev/account.ts'
import { seedCirrus, signIn } from '../../dev/seed.ts'
import type { Cirrus } from '../../dev/cirrus.ts'
import { admin } from './support/cirrus.ts'
import { startMailbox } from './support/mailbox.ts'
import { startReference, type Reference } from './support/reference.ts'
import { bearer, query } from './support/token.ts'
import { readRepo } from './support/verify.ts'

const BIN = join(import.meta.dirname, '../../bin')
/** Ends what hangs: a run of thousands of requests takes two minutes on a busy machine. */
const LONG_MS = 600_000
/** A run sends more than one address may otherwise. */
const LIMITS = { REQUESTS_PER_5_MINUTES: '0', WRITE_POINTS_PER_HOUR: '100000' }

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

interface Passwords {
  readonly CONTRACT_PASSWORD?: string
  readonly ADMIN_PASSWORD?: string
  readonly ADMIN_PASSWORD_HOST?: string
  readonly MAILBOX?: string
}

const program = (
  name: string,
  args: readonly string[],
  passwords: Passwords,
): Promise<{ code: number; stdout: string; stderr: string }> =>
  new Promise((resolve) => {
    const env = { ...process.env, NO_COLOR: '1', ...passwords }
    const all = [join(BIN, name), ...args, '--json']
    execFile(process.execPath, all, { cwd: folder, env, maxBuffer: 1 << 28 }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    )
  })

const pdsContract = async (args: readonly string[], passwords: Passwords = {}): Promise<Ended> => {
  const files = ['--html', 'report.html', '--junit', 'report.xml']
  const { stdout, ...ended } = await program(
    'pds-contract.js',
    [...args, '--plc', plc.url, ...files],
    passwords,
  )
  return { ...ended, report: JSON.parse(stdout) }
}

const broken = ({ report }: Ended) =>
  report.findings
    .filter(({ outcome }) => outcome === 'broken')
    .map(({ level, rule, subject, got }) => `${level} ${rule} ${subject}: ${got}`)

/** What an account has, as far as its owner and its admin see it, but for the commits and the log of what was done. */
async function contents(cirrus: Cirrus): Promise<unknown> {
  const { url, did } = cirrus
  const { data, records } = await readRepo(url, did)
  const { accessJwt } = await signIn(url, cirrus)
  const owner = (id: string) => query(url, id, bearer(accessJwt))
  const { active, blobs } = Object(await admin(cirrus, 'com.cirrus.admin.getStatus'))
  const sessions = Object(await admin(cirrus, 'com.cirrus.admin.listSessions')).sessions.map(Object)
  return {
    data,
    records,
    active,
    blobs,
    listed: await query(url, 'com.atproto.sync.listBlobs', undefined, { did }),
    preferences: await owner('app.bsky.actor.getPreferences'),
    appPasswords: await owner('com.atproto.server.listAppPasswords'),
    // Those of this test have no name.
    clients: new Set(sessions.map(({ client }: { client?: string }) => client)),
  }
}

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

it(
  'finds nothing of any level as the owner and the admin of a Cirrus, and leaves it as it was',
  async () => {
    await using cirrus = await startPlcCirrus({ plcUrl: plc.url, handle: 'bob.test', env: LIMITS })
    await seedCirrus(cirrus.url, await signIn(cirrus.url, cirrus), { records: 40, blobs: 3 })
    const before = await contents(cirrus)
    const ended = await pdsContract(
      [
        ...[cirrus.url, '--house', '--strict', '--write', '--account-has-records'],
        ...['--identifier', cirrus.handle],
      ],
      { CONTRACT_PASSWORD: cirrus.password, ADMIN_PASSWORD: cirrus.adminPassword },
    )
    expect(broken(ended)).toEqual([])
    expect(ended).toMatchObject({ code: 0, report: { ok: true, incomplete: [], left: [], stale: [] } })
    // It was the owner, who wrote, and the admin.
    for (const rule of ['calls.works', 'calls.house-token-scope', 'lifecycle.'])
      expect(ended.report.findings.some((finding) => finding.rule.startsWith(rule))).toBe(true)
    expect(ended.report.removed).toContain('the session')
    const checked = await program('pds.js', ['check', '--host', cirrus.url], {
      ADMIN_PASSWORD: cirrus.adminPassword,
      ADMIN_PASSWORD_HOST: new URL(cirrus.url).host,
    })
    expect(checked.code, checked.stdout).toBe(0)
    expect(await contents(cirrus)).toEqual(before)
  },
  LONG_MS,
)

it(
  'finds only what is known on the reference PDS, and cleans up',
  async () => {
    await using pds = await startReference({ plcUrl: plc.url })
    const { agent, handle, password } = await pds.createAccount({ handle: 'contract.test' })
    const { data } = await agent.uploadBlob(new Uint8Array([1, 2, 3]), { encoding: 'image/png' })
    const embed = { $type: 'app.bsky.embed.images', images: [{ alt: '', image: data.blob }] }
    for (const text of ['one', 'two']) await agent.post({ text, embed })
    for (const args of [[], ['--write', '--identifier', handle, '--account-has-records']]) {
      const ended = await pdsContract([pds.url, '--strict', ...args], { CONTRACT_PASSWORD: password })
      expect(broken(ended)).toEqual([])
      expect(ended).toMatchObject({
        code: 0,
        report: { ok: true, server: 'reference', incomplete: [], left: [], stale: [] },
      })
      expect(ended.report.findings.some(({ outcome }) => outcome === 'known')).toBe(true)
      if (args.length > 0) expect(ended.report.removed).toContain('the session')
    }
  },
  LONG_MS,
)

it(
  'makes accounts of its own, has one move in, and says what stays',
  async () => {
    await using pds = await startReference({ plcUrl: plc.url })
    const ended = await pdsContract([pds.url, '--strict', '--write', '--throw-away'])
    expect(broken(ended)).toEqual([])
    expect(ended).toMatchObject({ code: 0, report: { ok: true, incomplete: [], stale: [] } })
    const left = ended.report.left.map(String)
    expect(left.filter((line) => line.includes('deactivated'))).toHaveLength(2)
    expect(ended.report.findings.filter(({ rule }) => rule.startsWith('target.')).length).toBeGreaterThan(40)
    // The documents of the package say what needs a credential.
    expect(ended.report.findings.some(({ rule }) => rule === 'credentials.none-refused')).toBe(true)
  },
  LONG_MS,
)

const ADDRESS = 'contract@example.com'
const MAIL = ['--write', '--throw-away', '--email', ADDRESS, '--mail-code-from']
const ofLeaving = ({ report }: Ended) =>
  report.findings.filter(({ rule }) => /^(signature|deletion)[.]/.test(rule))
/** Each mail that was sent, by what it confirms. */
const mailsOf = async (pds: Reference) =>
  (await pds.mails()).map(({ template, to }) => `${template} to ${to}`)

it(
  'leaves with the codes that are mailed, and nothing stays',
  async () => {
    await using pds = await startReference({ plcUrl: plc.url })
    await using mailbox = await startMailbox(pds, ADDRESS)
    const ended = await pdsContract([pds.url, '--strict', ...MAIL, mailbox.command], mailbox.env)
    expect(broken(ended)).toEqual([])
    expect(ended).toMatchObject({ code: 0, report: { ok: true, incomplete: [], stale: [], left: [] } })
    const own = ofLeaving(ended)
    expect(new Set(own.map(({ outcome }) => outcome))).toEqual(new Set(['kept']))
    expect(new Set(own.map(({ rule }) => rule)).size).toBe(13)
    expect(ended.report.findings.filter(({ rule }) => rule.startsWith('target.')).length).toBeGreaterThan(40)
    // The account of the run, and the one that has moved in.
    expect(ended.report.removed.filter((line) => line.includes('of which only the DID stays'))).toHaveLength(
      2,
    )
    expect(await query(pds.url, 'com.atproto.sync.listRepos')).toMatchObject({ repos: [] })
    expect(await mailsOf(pds)).toEqual([
      `plcOperation to ${ADDRESS}`,
      `deleteAccount to ${ADDRESS}`,
      `deleteAccount to ${ADDRESS}`,
    ])
    const printed = JSON.stringify(ended.report) + ended.stderr
    for (const { token } of await pds.mails()) expect(printed).not.toContain(token)
    expect(printed).not.toContain(ADDRESS)
  },
  LONG_MS,
)

it(
  'asks again for a code that is wrong, and has another one mailed for one that has expired',
  async () => {
    await using pds = await startReference({ plcUrl: plc.url })
    await using mailbox = await startMailbox(pds, ADDRESS, async (code, question) => {
      if (question === 1) return 'WRONG-CODE1'
      // Too late: it was good for a quarter of an hour.
      if (question === 2) await pds.shiftClock(16 * 60_000)
      return code
    })
    const args = [pds.url, '--strict', '--only', 'signature,deletion', ...MAIL, mailbox.command]
    const ended = await pdsContract(args, mailbox.env)
    expect(broken(ended)).toEqual([])
    expect(ended).toMatchObject({ code: 0, report: { ok: true, incomplete: [], left: [] } })
    expect(await mailsOf(pds)).toEqual([
      `plcOperation to ${ADDRESS}`,
      `plcOperation to ${ADDRESS}`,
      `deleteAccount to ${ADDRESS}`,
    ])
  },
  LONG_MS,
)

it(
  'says that the account stays where the codes cannot be had, and asks for none twice',
  async () => {
    await using pds = await startReference({ plcUrl: plc.url })
    const args = [pds.url, '--only', 'signature,deletion', ...MAIL, '"true"']
    const ended = await pdsContract(args)
    const why = (what: string) => `the command of --mail-code-from, asked for a code ${what}, printed nothing`
    expect(ended).toMatchObject({
      code: 1,
      report: {
        ok: false,
        incomplete: [
          { area: 'signature', reason: why('for a PLC signature, which is sent nowhere') },
          { area: 'deletion', reason: why('to delete the account that this run has made') },
        ],
      },
    })
    expect(ended.report.left.map(String)).toEqual([
      expect.stringMatching(
        /^the account contract-.*: not deleted \(the command .* printed nothing\), deactivated: its administrator can delete it$/,
      ),
    ])
    expect(await mailsOf(pds)).toHaveLength(2)
    expect(await query(pds.url, 'com.atproto.sync.listRepos')).toMatchObject({
      repos: [{ active: false, status: 'deactivated' }],
    })
  },
  LONG_MS,
)
