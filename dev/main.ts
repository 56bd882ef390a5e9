/**
 * `npm run dev`: a local Cirrus with an account that is ready to use, and a PLC directory of its own. Loopback only;
 * the state stays below `.wrangler/dev`, and deleting that folder starts again from the beginning.
 */
import { readFileSync, rmSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { randomBytes } from 'node:crypto'
import { devFolder, type DevServer } from '../src/cli/project/config.ts'
import { DEV_PASSWORD, devSecrets } from '../src/cli/project/devSecrets.ts'
import { writeAtomically } from '../src/cli/files/files.ts'
import { activate } from './account.ts'
import { ROOT } from './bundle.ts'
import { startCirrus } from './cirrus.ts'
import { devAccount } from './keep.ts'
import { startPlc } from './plc.ts'

const USAGE = `Usage: npm run dev [-- --port 8787] [--plc-port 2582] [--handle alice.test] [--fresh]

  --fresh   forget the account of the last run
  --root    the folder whose .wrangler/dev keeps the state; by default this one

APPVIEW, MODERATION and CHAT of the environment are the services that requests are forwarded to, each a URL and a DID,
for example APPVIEW="https://api.bsky.app did:web:api.bsky.app". By default there are none. EMAIL and CDN_URL_PATTERN are
taken from there too.
`

const readOptions = () => {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: 'string', default: '8787' },
        'plc-port': { type: 'string', default: '2582' },
        handle: { type: 'string', default: 'alice.test' },
        fresh: { type: 'boolean', default: false },
        root: { type: 'string', default: ROOT },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    const [port, plcPort] = [Number(values.port), Number(values['plc-port'])]
    return Number.isInteger(port) && Number.isInteger(plcPort) ? { ...values, port, plcPort } : undefined
  } catch {
    return undefined
  }
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })

/** The settings of the environment. */
const settings = (): Record<string, string> =>
  Object.fromEntries(
    ['APPVIEW', 'MODERATION', 'CHAT', 'EMAIL', 'CDN_URL_PATTERN'].flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )

const say = (text: string) => process.stderr.write(`${text}\n`)

const main = async (): Promise<number> => {
  const options = readOptions()
  if (!options || options.help) {
    process.stderr.write(USAGE)
    return options ? 0 : 2
  }
  const { port, plcPort, handle } = options
  for (const taken of [port, plcPort])
    if (!(await isFree(taken))) {
      say(`Port ${taken} of this machine is taken, perhaps by another \`npm run dev\`.`)
      say('Next: stop that one, or choose others with -- --port <n> --plc-port <n>.')
      return 1
    }
  const folder = devFolder(options.root)
  if (options.fresh) await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true, mode: 0o700 })

  await using plc = await startPlc({ port: plcPort, log: join(folder, 'plc.jsonl') })
  const { ADMIN_PASSWORD, ...secrets } = await devSecrets(folder, randomBytes)
  const { SIGNING_KEY: signingKey, ROTATION_KEY: rotationKey } = secrets
  const account = await devAccount(folder, { plcUrl: plc.url, port, handle, signingKey, rotationKey })
  await using cirrus = await startCirrus({
    ...account,
    port,
    password: DEV_PASSWORD,
    adminPassword: ADMIN_PASSWORD,
    env: { ...secrets, ...settings() },
    persist: join(folder, 'state'),
    onLog: say,
  })
  // Only the first time: an account that the last run deactivated or moved stays what it is.
  const known = await fetch(`${cirrus.url}/xrpc/com.atproto.sync.getLatestCommit?did=${account.did}`)
  const answer = await known.text()
  if (known.status === 500) {
    say(`The state in ${folder} cannot be opened: ${answer}`)
    say('Next: `npm run dev -- --fresh` forgets it and begins with a new account.')
    return 1
  }
  const isDeleted = answer.includes('account-deleted')
  if (!known.ok && !answer.includes('RepoDeactivated') && !isDeleted) await activate(cirrus)
  if (isDeleted) say('The account was deleted. `npm run dev -- --fresh` begins with a new one.')

  const running = join(folder, 'running.json')
  const about: DevServer = { url: cirrus.url, plcUrl: plc.url, did: account.did, handle, pid: process.pid }
  await writeAtomically(running, `${JSON.stringify(about, null, 2)}\n`)
  // On a signal, miniflare ends the process before anything that waits for the signal has run.
  process.on('exit', () => forget(running))
  say(
    [
      '',
      `  Cirrus         ${cirrus.url}`,
      `  Its pages      ${cirrus.url}/account`,
      `  PLC directory  ${plc.url}`,
      `  Account        ${handle}  ${account.did}`,
      `  Password       ${DEV_PASSWORD}`,
      `  State          ${folder}`,
      '',
      '  Talk to it:    npm run --silent pds -- status --dev',
      '                 npm run --silent pds -- migrate-token --dev',
      '  Stop it:       Ctrl-C',
      '',
    ].join('\n'),
  )
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve())
  })
  return 0
}

/** Another run may have started meanwhile and written its own file. */
const forget = (file: string): void => {
  try {
    const about: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (typeof about === 'object' && about !== null && Reflect.get(about, 'pid') === process.pid) rmSync(file)
  } catch {
    // Gone already.
  }
}

process.exitCode = await main()
