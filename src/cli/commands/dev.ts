import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from '../../client/index.ts'
import { command, type Context } from '../command.ts'
import { EXIT } from '../exit.ts'
import { CliError } from '../errors.ts'
import { readText, writeAtomically } from '../files/files.ts'
import { DEFAULT_PLC_URL, devFolder, type DevServer, needProject } from '../project/config.ts'
import { type DevAccount, devAccountAt, devConfig, findWrangler } from '../project/devConfig.ts'
import { waitUntilReady } from '../project/waitUntilReady.ts'
import { DEV_PASSWORD, devSecrets } from '../project/devSecrets.ts'
import { parseToml } from '../project/wranglerToml.ts'
import { getStatus, stateOf } from '../servers/status.ts'
import { orServerError } from '../servers/serverErrors.ts'

const readPort = (text: string | undefined): number => {
  const port = Number(text ?? '8787')
  if (Number.isInteger(port) && port > 0 && port < 65536) return port
  throw new CliError('usage', `--port "${text ?? ''}" is not a port: expected a number from 1 to 65535`)
}

/** Makes the account on the first run. One that an earlier run deactivated stays as it is. */
const activateIfAbsent = async ({ io }: Context, { url }: DevAccount, password: string): Promise<void> => {
  const server = connect(url, { admin: { password }, fetch: io.fetch })
  const status = await getStatus(server)
  if (stateOf(status) === 'absent') await orServerError(server.com.atproto.server.activateAccount())
}

export const dev = command({
  name: 'dev',
  summary: 'Run this deployment on this machine, with an account to try it.',
  description:
    'wrangler runs the Worker on loopback with throw-away keys and a did:web account of its own; no relay hears of it.\n' +
    'The state stays in .wrangler/dev. Other commands reach it with --dev.',
  flags: {
    port: { type: 'string', hint: 'n', help: 'The port on this machine. Default: 8787.' },
    handle: { type: 'string', hint: 'handle', help: 'Handle of the account. Default: alice.test.' },
    fresh: { type: 'boolean', help: 'Forget the account of the last run.' },
  },
  examples: ['pds dev', 'pds dev --port 8800 --fresh'],
  async run(context, flags) {
    const { io, out } = context
    const { root, tomlFile } = needProject(context.project)
    const account = devAccountAt(readPort(flags.port), flags.handle ?? 'alice.test')
    const wrangler = findWrangler(root)
    const folder = devFolder(root)
    if (flags.fresh) await rm(folder, { recursive: true, force: true })
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const { ADMIN_PASSWORD } = await devSecrets(folder, io.random)
    const configFile = join(folder, 'wrangler.json')
    const config = devConfig(parseToml((await readText(tomlFile)) ?? '', tomlFile), root, account)
    await writeAtomically(configFile, `${JSON.stringify(config, null, 2)}\n`)

    const port = new URL(account.url).port
    const running = io.start(
      process.execPath,
      [
        ...[wrangler, 'dev', '--config', configFile, '--ip', '127.0.0.1', '--port', port],
        ...['--persist-to', join(folder, 'wrangler-state'), '--show-interactive-dev-session=false'],
      ],
      { cwd: root, env: { WRANGLER_SEND_METRICS: 'false' } },
    )
    const stop = () => running.stop()
    io.signal.addEventListener('abort', stop)
    const runningFile = join(folder, 'running.json')
    try {
      await waitUntilReady(context, account, running)
      if (io.signal.aborted) return EXIT.ok
      await activateIfAbsent(context, account, ADMIN_PASSWORD)
      const { url, did, handle } = account
      const about: DevServer = { url, plcUrl: DEFAULT_PLC_URL, did, handle, pid: process.pid }
      await writeAtomically(runningFile, `${JSON.stringify(about, null, 2)}\n`)
      out.line(
        { ok: true, ...about, password: DEV_PASSWORD },
        [
          '',
          `  Cirrus      ${url}`,
          `  Its pages   ${url}/account`,
          `  Account     ${handle}  ${did}`,
          `  Password    ${DEV_PASSWORD}`,
          `  State       ${folder}`,
          '',
          '  Talk to it: npx pds status --dev',
          '  Stop it:    Ctrl-C',
          '',
        ].join('\n'),
      )
      const code = await running.exited
      return io.signal.aborted || code === 0 ? EXIT.ok : EXIT.failed
    } finally {
      io.signal.removeEventListener('abort', stop)
      running.stop()
      await running.exited
      await rm(runningFile, { force: true })
    }
  },
})
