// A source that signs something else than the user agreed to. Its operations are valid: the directory would take them.
import { writeFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newKey, startPlcCirrus } from '../../dev/account.ts'
import { type Cirrus, startCirrus } from '../../dev/cirrus.ts'
import { type PlcDirectory, startPlc } from '../../dev/plc.ts'
import { seedCirrus, signIn } from '../../dev/seed.ts'
import { Secret } from '../../src/crypto/secret.ts'
import { moveFolder } from '../../src/cli/move/moveContext.ts'
import { parseOperation } from '../../src/plc/parse.ts'
import type { UnsignedOperation } from '../../src/plc/types.ts'
import { loadRotationKey } from '../../src/signing/keys.ts'
import { folder, member, pds, type RunOptions } from './support.ts'

type Source = Awaited<ReturnType<typeof startPlcCirrus>>
type Change = (operation: UnsignedOperation) => Partial<UnsignedOperation>

const SIGN = 'com.atproto.identity.signPlcOperation'
const SUBMIT = 'com.atproto.identity.submitPlcOperation'

let plc: PlcDirectory
let here: Awaited<ReturnType<typeof folder>>
let source: Source
let target: Cirrus
let token: string
/** The keys of somebody else. */
let stranger: string

beforeAll(async () => {
  plc = await startPlc()
  here = await folder()
  source = await startPlcCirrus({ plcUrl: plc.url, handle: 'alice.test' })
  const { did } = source.account
  target = await startCirrus({ plcUrl: plc.url, handle: 'alice.test', did, password: 'target-password' })
  await seedCirrus(source.url, await signIn(source.url, source), { records: 5, blobs: 1 })
  await writeFile(here.in('wrangler.toml'), `[vars]\nPLC_DIRECTORY_URL = "${plc.url}"\n`)
  stranger = (await newKey()).did
  token = (await on(source, ['migrate-token', '--target', target.url])).stdout
}, 60_000)
afterAll(async () => {
  await Promise.all([source.close(), target.close(), plc.close()])
  await here[Symbol.asyncDispose]()
})

const on = (cirrus: Cirrus, args: readonly string[], options: RunOptions = {}) =>
  pds([...args, '--host', cirrus.url], {
    cwd: here.path,
    ...options,
    env: {
      ADMIN_PASSWORD: cirrus.adminPassword,
      ADMIN_PASSWORD_HOST: cirrus.url,
      PDS_PASSWORD: 'target-password',
      ...options.env,
    },
  })
const code = (json: unknown) => member(json, 'error', 'code')
const message = (json: unknown) => String(member(json, 'error', 'message'))
const log = async (): Promise<unknown[]> => {
  const found: unknown = await (await fetch(`${plc.url}/${source.did}/log`)).json()
  return Array.isArray(found) ? found : []
}
const plcHead = async (): Promise<{ cid: string }> => {
  const audit: unknown = await (await fetch(`${plc.url}/${source.did}/log/audit`)).json()
  return { cid: String(member(Array.isArray(audit) ? audit.at(-1) : undefined, 'cid')) }
}
/** The operation, changed and signed again with the source's own rotation key. */
const signAgain = async (signed: unknown, change: Change) => {
  const { sig: _, ...operation } = parseOperation(signed)
  const key = await loadRotationKey(new Secret(source.account.signingKey))
  return { ...(await key.signOperation({ ...operation, ...change(operation) })) }
}
/** Passes everything on, but signs what the user did not ask for. Counts what is submitted. */
const hostile = (change: Change) => {
  const submitted: unknown[] = []
  const relay: typeof fetch = async (input, init) => {
    if (String(input).endsWith(SUBMIT)) submitted.push(init?.body)
    const answer = await fetch(input, init)
    if (!String(input).endsWith(SIGN) || !answer.ok) return answer
    return Response.json({ operation: await signAgain(member(await answer.json(), 'operation'), change) })
  }
  return { fetch: relay, submitted }
}
const importFrom = (options: RunOptions, ...args: string[]) =>
  on(target, ['import', '--from', source.url, ...args], options)

/** Runs an import, with --yes, from a server that names these rotation keys as its own and signs whatever is asked for. */
const importFromLiar = (keys: () => readonly string[]) => {
  const lying: typeof fetch = async (input, init) => {
    const url = String(input)
    if (url.startsWith(source.url) && url.endsWith('getRecommendedDidCredentials'))
      return Response.json({ rotationKeys: keys() })
    if (url.includes('com.cirrus.admin.resumeRepo'))
      return Response.json({ error: 'MethodNotImplemented' }, { status: 501 })
    if (!url.endsWith(SIGN)) return await fetch(input, init)
    const last: unknown = (await log()).at(-1)
    const { token: _, ...asked } = JSON.parse(String(init?.body)) as UnsignedOperation & { token: string }
    const { cid } = await plcHead()
    return Response.json({ operation: await signAgain(last, () => ({ ...asked, prev: cid })) })
  }
  const args = ['import', '--from', source.url, '--identifier', 'alice.test', '--yes', '--json']
  const env = { PDS_SOURCE_PASSWORD: source.password, PDS_PLC_TOKEN: 'any' }
  return on(target, args, { fetch: lying, env })
}

const otherService = { type: 'BskyFeedGenerator', endpoint: 'https://evil.example.com' }
const attacks: [what: string, change: Change, shown: () => RegExp][] = [
  [
    'a rotation key on top',
    ({ rotationKeys }) => ({ rotationKeys: [stranger, ...rotationKeys] }),
    () => new RegExp(`rotation key ${stranger} is added as 1 of`),
  ],
  [
    'a rotation key at the end',
    ({ rotationKeys }) => ({ rotationKeys: [...rotationKeys, stranger] }),
    () => new RegExp(`rotation key ${stranger} is added`),
  ],
  [
    'no recovery key of the owner',
    ({ rotationKeys }) => ({ rotationKeys: rotationKeys.slice(1) }),
    () => new RegExp(`rotation key ${source.account.recoveryKeys[0]} is dropped`),
  ],
  [
    'the rotation keys in another order',
    ({ rotationKeys }) => ({ rotationKeys: rotationKeys.toReversed() }),
    () => /change their order/,
  ],
  [
    'a service',
    ({ services }) => ({ services: { ...services, bsky_fg: otherService } }),
    () => /service bsky_fg is added: https:\/\/evil\.example\.com/,
  ],
  [
    'a verification method',
    ({ verificationMethods }) => ({
      verificationMethods: { ...verificationMethods, atproto_label: stranger },
    }),
    () => /verification method atproto_label is added/,
  ],
  [
    'a name',
    ({ alsoKnownAs }) => ({ alsoKnownAs: [...alsoKnownAs, 'at://evil.example.com'] }),
    () => /at:\/\/evil\.example\.com/,
  ],
  [
    'a name that looks like two',
    () => ({ alsoKnownAs: ['at://alice.test at://evil.example.com'] }),
    () => /at:\/\/evil\.example\.com/,
  ],
]

describe('a source that adds to what was agreed on', () => {
  it.each(attacks)('%s: --yes does not cover it, and nothing is submitted', async (_, change, shown) => {
    const server = hostile(change)
    const ran = await importFrom({ stdin: token, fetch: server.fetch }, '--yes', '--json')
    expect([ran.code, code(ran.json)], ran.stdout).toEqual([4, 'operation-differs'])
    expect(message(ran.json)).toMatch(shown())
    expect(server.submitted).toEqual([])
    expect(await log()).toHaveLength(1)
  })

  it('is shown on a terminal and refused with no, in spite of --yes', async () => {
    const server = hostile(attacks[0]?.[1] ?? (() => ({})))
    const ran = await importFrom({ stdin: `${token.trim()}\nn`, tty: true, fetch: server.fetch }, '--yes')
    expect(ran.code).toBe(4)
    expect(ran.stderr).toContain(`rotation key ${stranger} is added as 1 of`)
    expect(ran.stderr).toContain('pds identity --void')
    expect(server.submitted).toEqual([])
  })

  it.each<[string, Change]>([
    ['follows another operation', () => ({ prev: null })],
    [
      'names another server',
      ({ services }) => ({
        services: {
          ...services,
          atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: 'https://evil.example.com' },
        },
      }),
    ],
    [
      'has another type of server',
      ({ services }) => ({
        services: {
          ...services,
          atproto_pds: { type: 'Evil', endpoint: services['atproto_pds']?.endpoint ?? '' },
        },
      }),
    ],
    [
      'names another signing key',
      ({ verificationMethods }) => ({
        verificationMethods: { ...verificationMethods, atproto: stranger },
      }),
    ],
    [
      'lacks this server’s rotation key',
      ({ rotationKeys, verificationMethods }) => ({
        rotationKeys: rotationKeys.filter((key) => key !== verificationMethods['atproto']),
      }),
    ],
  ])('is refused without a question if the operation %s', async (_, change) => {
    const server = hostile(change)
    const ran = await importFrom({ stdin: token, fetch: server.fetch }, '--yes', '--json')
    expect([ran.code, code(ran.json)], ran.stdout).toEqual([1, 'source-refused'])
    expect(server.submitted).toEqual([])
  })

  it('cannot keep its own key by naming the owner’s as its own', async () => {
    const ran = await importFromLiar(() => source.account.recoveryKeys)
    expect([ran.code, code(ran.json)], ran.stdout).toEqual([4, 'operation-differs'])
    expect(message(ran.json)).toMatch(/so that key is the source’s own, and the DID keeps it/)
    expect(await log()).toHaveLength(1)
  })

  it('cannot have the owner’s key dropped by naming it beside its own', async () => {
    const own = (await loadRotationKey(new Secret(source.account.signingKey))).did
    const ran = await importFromLiar(() => [...source.account.recoveryKeys, own])
    expect([ran.code, code(ran.json)], ran.stdout).toEqual([4, 'operation-differs'])
    expect(message(ran.json)).toContain(`they would be dropped: ${source.account.recoveryKeys[0]}, ${own}`)
    expect(await log()).toHaveLength(1)
  })

  it('does not get by with an operation that was kept on the disk and changed there', async () => {
    plc.fail({ status: 503, only: (method) => method === 'POST' })
    const failed = await importFrom({ stdin: token }, '--yes', '--json')
    plc.recover()
    expect(failed.code, failed.stdout).not.toBe(0)
    const journal = join(moveFolder(here.path, target.url, source.did), 'journal.jsonl')
    const before = await readFile(journal, 'utf8')
    const saved = before.split('\n').findLast((line) => line.includes('"type":"signed"')) ?? ''
    for (const [what, change, shown] of attacks) {
      const entry: unknown = JSON.parse(saved)
      const operation = await signAgain(member(entry, 'operation'), change)
      await writeFile(journal, before.replace(saved, JSON.stringify({ ...Object(entry), operation })))
      const server = hostile(() => ({}))
      const ran = await importFrom({ stdin: token, fetch: server.fetch }, '--yes', '--json')
      expect([ran.code, code(ran.json)], what).toEqual([4, 'operation-differs'])
      expect(message(ran.json)).toMatch(shown())
      expect(server.submitted).toEqual([])
    }
    await writeFile(journal, before)
  })

  it('gets its way if the user reads the difference and agrees', async () => {
    await on(source, ['identity', '--void', '--yes'])
    const fresh = (await on(source, ['migrate-token', '--target', target.url])).stdout
    const server = hostile(({ services }) => ({ services: { ...services, bsky_fg: otherService } }))
    const ran = await importFrom({ stdin: `${fresh.trim()}\ny`, tty: true, fetch: server.fetch }, '--yes')
    expect(ran.code, ran.stderr).toBe(0)
    expect(server.submitted).toHaveLength(1)
    expect((await log()).at(-1)).toMatchObject({ services: { bsky_fg: otherService } })
  })
})
