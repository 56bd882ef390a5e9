/** Which room may import which is held by the lint rules of .oxlintrc.json; here it is seen that they hold. */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..')
const oxlint = join(root, 'node_modules', '.bin', 'oxlint')

/** Rooms of src from the top down: nothing may import what is above it. */
const ROOMS: Record<string, string> = {
  entry: 'src/object.ts',
  cli: 'src/cli/run.ts',
  contract: 'src/contract/run.ts',
  archive: 'src/archive/openArchive.ts',
  mover: 'src/mover/moveAccount.ts',
  client: 'src/client/connect.ts',
  oauth: 'src/oauth/answerOAuth.ts',
  pages: 'src/pages/createPages.ts',
  endpoints: 'src/oauth/answerOAuth.ts',
  handlers: 'src/handlers/sync/getRepo.ts',
  worker: 'src/worker/cors.ts',
  proxy: 'src/proxy/proxy.ts',
  account: 'src/account/account.ts',
  xrpc: 'src/xrpc/runtime.ts',
  signing: 'src/signing/keys.ts',
  identity: 'src/identity/did.ts',
  plc: 'src/plc/log.ts',
  crypto: 'src/crypto/jws.ts',
  repo: 'src/repo/commit.ts',
  streams: 'src/streams/chunks.ts',
  webauthn: 'src/webauthn/coseKey.ts',
}

/** Each room, and those that it must not import. */
const FORBIDDEN: Record<string, readonly string[]> = {
  cli: ['entry', 'pages', 'handlers', 'account', 'xrpc'],
  contract: ['entry', 'pages', 'archive', 'cli', 'handlers', 'account', 'xrpc', 'proxy'],
  archive: ['entry', 'pages', 'contract', 'cli', 'mover', 'handlers', 'account', 'xrpc'],
  mover: ['entry', 'pages', 'contract', 'cli', 'handlers', 'account', 'xrpc'],
  client: [
    'entry',
    'pages',
    'archive',
    'contract',
    'cli',
    'mover',
    'handlers',
    'account',
    'xrpc',
    'signing',
    'identity',
    'plc',
    'crypto',
    'repo',
    'streams',
    'webauthn',
  ],
  oauth: ['entry', 'pages', 'archive', 'contract', 'cli', 'mover', 'client', 'handlers', 'proxy', 'pages'],
  pages: ['entry', 'archive', 'contract', 'cli', 'mover', 'client', 'handlers', 'proxy'],
  endpoints: [
    'entry',
    'pages',
    'archive',
    'contract',
    'cli',
    'mover',
    'client',
    'handlers',
    'proxy',
    'pages',
  ],
  handlers: ['entry', 'pages', 'archive', 'contract', 'cli', 'mover', 'client'],
  worker: [
    'entry',
    'pages',
    'archive',
    'contract',
    'cli',
    'mover',
    'client',
    'handlers',
    'proxy',
    'account',
    'signing',
    'crypto',
    'plc',
    'repo',
  ],
  proxy: [
    'entry',
    'pages',
    'archive',
    'contract',
    'cli',
    'mover',
    'client',
    'handlers',
    'account',
    'signing',
    'crypto',
  ],
  account: ['entry', 'pages', 'archive', 'contract', 'cli', 'mover', 'client', 'handlers'],
  xrpc: [
    'entry',
    'pages',
    'archive',
    'contract',
    'cli',
    'mover',
    'client',
    'handlers',
    'account',
    'signing',
    'identity',
    'plc',
    'crypto',
    'repo',
    'webauthn',
  ],
  signing: [
    'entry',
    'pages',
    'archive',
    'contract',
    'cli',
    'mover',
    'client',
    'handlers',
    'account',
    'xrpc',
    'identity',
    'webauthn',
  ],
  identity: [
    'entry',
    'pages',
    'archive',
    'contract',
    'cli',
    'mover',
    'client',
    'handlers',
    'account',
    'xrpc',
    'signing',
    'webauthn',
  ],
  plc: [
    'entry',
    'pages',
    'archive',
    'contract',
    'cli',
    'mover',
    'client',
    'handlers',
    'account',
    'xrpc',
    'signing',
    'identity',
    'webauthn',
  ],
  crypto: [
    'entry',
    'pages',
    'archive',
    'contract',
    'cli',
    'mover',
    'client',
    'handlers',
    'account',
    'xrpc',
    'signing',
    'identity',
    'plc',
    'repo',
    'webauthn',
  ],
  repo: [
    'entry',
    'pages',
    'archive',
    'contract',
    'cli',
    'mover',
    'client',
    'handlers',
    'account',
    'xrpc',
    'signing',
    'identity',
    'plc',
    'crypto',
    'webauthn',
  ],
  streams: [
    'entry',
    'pages',
    'archive',
    'contract',
    'cli',
    'mover',
    'client',
    'handlers',
    'account',
    'xrpc',
    'signing',
    'identity',
    'plc',
    'crypto',
    'repo',
    'webauthn',
  ],
  webauthn: [
    'entry',
    'pages',
    'archive',
    'contract',
    'cli',
    'client',
    'mover',
    'handlers',
    'account',
    'xrpc',
    'signing',
    'identity',
    'plc',
  ],
}

/** The rooms of src/account from the bottom up, and those beside it that each may use. */
const ACCOUNT: Record<string, readonly string[]> = {
  db: [],
  blobs: ['db'],
  blocks: ['db'],
  events: ['db'],
  repo: ['db', 'blobs', 'blocks', 'events'],
  import: ['db', 'blobs', 'blocks', 'events', 'repo'],
  identity: ['db', 'events'],
  oauth: ['db', 'blocks', 'events', 'repo', 'identity'],
  auth: ['db', 'events', 'identity', 'oauth'],
  plc: ['db', 'events', 'identity', 'oauth', 'auth'],
  lifecycle: ['db', 'blobs', 'blocks', 'events', 'repo', 'identity', 'oauth', 'auth', 'plc'],
  views: ['db', 'events', 'repo'],
  backup: ['db', 'blobs', 'blocks', 'events', 'repo'],
  status: ['db', 'blobs', 'blocks', 'events', 'repo', 'import', 'identity', 'plc', 'oauth', 'auth', 'backup'],
}

/** Folders inside of a room of src/account: the same rules hold one step deeper. */
const INNER: Record<string, readonly string[]> = {
  auth: ['limits', 'sessions', 'signIn', 'tokens'],
  blocks: ['packs', 'history'],
  import: ['pull'],
  oauth: ['authorizations', 'clients', 'dpop', 'grants', 'passkeys', 'requests', 'scopes', 'signIns'],
  repo: ['commits', 'exports'],
}

/** Folders of src/mover whose functions its steps call. */
const MOVER_PARTS = ['copy', 'identity', 'preflight', 'proof']

interface Arrow {
  from: string
  to: string
}

const forbidden: Arrow[] = [
  ...Object.entries(FORBIDDEN).flatMap(([room, others]) =>
    others.map((other) => ({ from: planted(ROOMS[room] ?? ''), to: ROOMS[other] ?? '' })),
  ),
  ...Object.keys(FORBIDDEN).map((room) => ({ from: planted(ROOMS[room] ?? ''), to: 'dev/cirrus.ts' })),
  ...Object.keys(FORBIDDEN).flatMap((room) =>
    room === 'worker' ? [] : { from: planted(ROOMS[room] ?? ''), to: ROOMS.worker ?? '' },
  ),
  ...accountArrows((room, other) => !ACCOUNT[room]?.includes(other)),
  ...Object.keys(ACCOUNT).flatMap((room) =>
    ['src/account/account.ts', 'src/account/createAccount.ts'].map((to) => ({
      from: `src/account/${room}/planted.ts`,
      to,
    })),
  ),
  { from: 'src/account/db/planted.ts', to: 'src/handlers/index.ts' },
  ...Object.entries(INNER).flatMap(([room, folders]) =>
    folders.flatMap((folder) =>
      [
        'src/handlers/index.ts',
        'src/account/account.ts',
        'src/account/createAccount.ts',
        'dev/cirrus.ts',
      ].map((to) => ({ from: `src/account/${room}/${folder}/planted.ts`, to })),
    ),
  ),
  { from: 'src/repo/tree/planted.ts', to: 'src/account/account.ts' },
  { from: 'src/repo/tree/planted.ts', to: 'src/crypto/jws.ts' },
  { from: 'src/cli/move/planted.ts', to: 'src/cli/commands/status.ts' },
  ...MOVER_PARTS.flatMap((part) =>
    ['src/cli/run.ts', 'src/account/account.ts', 'src/mover/moveAccount.ts', 'src/mover/steps/who.ts'].map(
      (to) => ({ from: `src/mover/${part}/planted.ts`, to }),
    ),
  ),
]

const allowed: Arrow[] = [
  { from: 'src/object.ts', to: 'src/handlers/index.ts' },
  { from: planted(ROOMS.worker ?? ''), to: 'src/policy.ts' },
  { from: planted(ROOMS.cli ?? ''), to: ROOMS.client ?? '' },
  { from: planted(ROOMS.cli ?? ''), to: ROOMS.mover ?? '' },
  { from: planted(ROOMS.mover ?? ''), to: ROOMS.archive ?? '' },
  { from: planted(ROOMS.mover ?? ''), to: ROOMS.client ?? '' },
  { from: planted(ROOMS.mover ?? ''), to: ROOMS.signing ?? '' },
  { from: 'src/mover/steps/planted.ts', to: 'src/mover/identity/planMove.ts' },
  { from: 'src/mover/identity/planted.ts', to: 'src/plc/log.ts' },
  { from: planted(ROOMS.cli ?? ''), to: ROOMS.archive ?? '' },
  { from: planted(ROOMS.archive ?? ''), to: ROOMS.client ?? '' },
  { from: planted(ROOMS.archive ?? ''), to: ROOMS.plc ?? '' },
  { from: planted(ROOMS.handlers ?? ''), to: ROOMS.account ?? '' },
  { from: planted(ROOMS.pages ?? ''), to: ROOMS.account ?? '' },
  { from: planted(ROOMS.oauth ?? ''), to: ROOMS.account ?? '' },
  { from: planted(ROOMS.account ?? ''), to: ROOMS.signing ?? '' },
  { from: planted(ROOMS.signing ?? ''), to: ROOMS.plc ?? '' },
  { from: planted(ROOMS.webauthn ?? ''), to: ROOMS.crypto ?? '' },
  { from: planted(ROOMS.account ?? ''), to: ROOMS.webauthn ?? '' },
  { from: 'src/account/repo/planted.ts', to: 'src/repo/car/readCar.ts' },
  { from: 'src/account/repo/planted.ts', to: 'src/plc/log.ts' },
  { from: 'src/account/blocks/packs/planted.ts', to: 'src/account/blocks/blocks.ts' },
  { from: 'src/account/blocks/packs/planted.ts', to: 'src/repo/car/readCar.ts' },
  { from: 'src/repo/tree/planted.ts', to: 'src/repo/car/readCar.ts' },
  { from: 'src/account/repo/exports/planted.ts', to: 'src/account/repo/repo.ts' },
  { from: 'src/account/repo/exports/planted.ts', to: 'src/plc/log.ts' },
  ...accountArrows((room, other) => ACCOUNT[room]?.includes(other) ?? false),
]

function planted(file: string): string {
  return join(dirname(file), 'planted.ts')
}

function accountArrows(wanted: (room: string, other: string) => boolean): Arrow[] {
  const rooms = Object.keys(ACCOUNT)
  return rooms.flatMap((room) => {
    const others = rooms.filter((other) => other !== room && wanted(room, other))
    const folders = [room, ...(INNER[room] ?? []).map((inner) => `${room}/${inner}`)]
    return folders.flatMap((folder) =>
      others.map((other) => ({
        from: `src/account/${folder}/planted.ts`,
        to: `src/account/${other}/it.ts`,
      })),
    )
  })
}

interface Finding {
  code: string
  filename: string
  labels: { span: { line: number } }[]
}

let folder = ''
let findings: Finding[] = []
const lines = new Map<string, string[]>()

/** The line of the import in the planted file, as the linter counts. */
const lineOf = ({ from, to }: Arrow): number => (lines.get(from)?.indexOf(to) ?? -1) + 1

const isRefused = (arrow: Arrow): boolean =>
  findings.some(
    ({ code, filename, labels }) =>
      code.includes('no-restricted-imports') &&
      filename === arrow.from &&
      labels[0]?.span.line === lineOf(arrow),
  )

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cirrus-imports-'))
  cpSync(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'))
  for (const { from, to } of [...forbidden, ...allowed]) lines.set(from, [...(lines.get(from) ?? []), to])
  for (const [from, targets] of lines) {
    mkdirSync(join(folder, dirname(from)), { recursive: true })
    const imports = targets.map((to, i) => {
      const path = relative(dirname(from), to)
      return `import { x as x${i} } from '${path.startsWith('.') ? path : `./${path}`}'\n`
    })
    writeFileSync(join(folder, from), imports.join(''))
  }
  writeFileSync(
    join(folder, 'src/repo/one.ts'),
    "import { two } from './two.ts'\nexport const one = () => two\n",
  )
  writeFileSync(
    join(folder, 'src/repo/two.ts'),
    "import { one } from './one.ts'\nexport const two = () => one\n",
  )
  const { stdout } = spawnSync(oxlint, ['--format', 'json'], { cwd: folder, encoding: 'utf8' })
  findings = (JSON.parse(stdout) as { diagnostics: Finding[] }).diagnostics
})

afterAll(() => rmSync(folder, { recursive: true }))

it('an import that goes up is refused, in every room', () => {
  expect(forbidden.filter((arrow) => !isRefused(arrow))).toEqual([])
})

it('an import that goes down is taken', () => {
  expect(allowed.filter(isRefused)).toEqual([])
})

it('a cycle of imports is refused', () => {
  const cycles = findings.filter(({ code }) => code.includes('no-cycle')).map(({ filename }) => filename)
  expect(cycles).toContain('src/repo/one.ts')
})

it('every room of src/account and every folder of src has its rule', () => {
  const { overrides } = JSON.parse(readFileSync(join(root, '.oxlintrc.json'), 'utf8')) as {
    overrides: { files: string[]; rules: Record<string, unknown> }[]
  }
  const ruled = overrides.filter(({ rules }) => rules['no-restricted-imports']).flatMap(({ files }) => files)
  const files = execFileSync('git', ['ls-files', 'src'], { cwd: root, encoding: 'utf8' }).split('\n')
  const folders = files
    .map((file) => /^src\/(?:account\/)?[^/]+(?=\/)/.exec(file)?.[0])
    .filter((each) => each !== undefined && each !== 'src/generated' && each !== 'src/account')
  for (const each of new Set(folders)) expect(ruled).toContain(`${each}/**`)
  expect(ruled).toContain('src/account/*.ts')
  const inner = files.map((file) => /^src\/account\/([^/]+)\/[^/]+(?=\/)/.exec(file))
  for (const found of inner) {
    if (!found) continue
    expect(ruled).toContain(`src/account/${found[1]}/*/**`)
    expect(INNER[found[1] ?? '']?.map((name) => `src/account/${found[1]}/${name}`)).toContain(found[0])
  }
})
