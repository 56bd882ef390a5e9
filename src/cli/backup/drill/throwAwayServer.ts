import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '../../../client/index.ts'
import { isObject } from '../../../isObject.ts'
import type { Context } from '../../command.ts'
import { readText, writeSecret } from '../../files/files.ts'
import { needProject, PASSWORD_HOST_VAR } from '../../project/config.ts'
import { devConfig, findWrangler } from '../../project/devConfig.ts'
import { DEV_PASSWORD, devSecrets } from '../../project/devSecrets.ts'
import { waitUntilReady } from '../../project/waitUntilReady.ts'
import { parseToml } from '../../project/wranglerToml.ts'

/** A Cirrus on this machine, with keys of its own, that is gone afterwards. */
export interface ThrowAwayServer {
  readonly origin: string
  /** The context of a command that talks to it, and to nothing else. */
  readonly context: Context
  /** Stops it and deletes what it has written. */
  close(): Promise<void>
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address ? address.port : 0
}

/** What of the owner's configuration has no place in a drill. */
const DRILL_VARS = { BACKUP: '', PREVIOUS_HOSTNAMES: '', DATA_LOCATION: '' }

/** Starts the Worker of this deployment by wrangler, on loopback, for this account. The owner's keys stay out of it. */
export async function throwAwayServer(
  context: Context,
  account: { did: string; handle: string; plcUrl: string },
): Promise<ThrowAwayServer> {
  const { io, project } = context
  const { root, tomlFile } = needProject(project)
  const wrangler = findWrangler(root)
  const folder = await mkdtemp(join(tmpdir(), 'cirrus-drill-'))
  const { did, handle, plcUrl } = account
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const { ADMIN_PASSWORD } = await devSecrets(folder, io.random)
  const base = devConfig(parseToml((await readText(tomlFile)) ?? '', tomlFile), root, {
    did,
    handle,
    hostname: `localhost:${port}`,
    url: origin,
  })
  const vars = { ...(isObject(base['vars']) ? base['vars'] : {}), ...DRILL_VARS, PLC_DIRECTORY_URL: plcUrl }
  const configFile = join(folder, 'wrangler.json')
  await writeSecret(configFile, `${JSON.stringify({ ...base, vars }, null, 2)}\n`)
  const running = io.start(
    process.execPath,
    [
      ...[wrangler, 'dev', '--config', configFile, '--ip', '127.0.0.1', '--port', String(port)],
      ...['--persist-to', join(folder, 'state'), '--show-interactive-dev-session=false', '--log-level=error'],
    ],
    { cwd: root, env: { WRANGLER_SEND_METRICS: 'false' } },
  )
  const close = async () => {
    running.stop()
    await running.exited
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
  try {
    await waitUntilReady(context, { url: origin, did }, running)
    io.signal.throwIfAborted()
  } catch (cause) {
    await close()
    throw cause
  }
  const address = { origin, dev: true, plcUrl, isProjectServer: false, isDevServer: false }
  const admin = connect(origin, { admin: { password: ADMIN_PASSWORD }, fetch: io.fetch })
  return {
    origin,
    close,
    context: {
      ...context,
      project: undefined,
      io: { ...io, cwd: folder, env: { PDS_PASSWORD: DEV_PASSWORD, [PASSWORD_HOST_VAR]: origin } },
      address: () => address,
      admin: async () => admin,
      adminIfKnown: () => admin,
      anyone: () => connect(origin, { fetch: io.fetch }),
    },
  }
}
