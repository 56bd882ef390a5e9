import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { originOf } from '../../client/host.ts'
import { parseDevVars } from './devVars.ts'
import { CliError, messageOf } from '../errors.ts'
import { isObject } from '../../isObject.ts'
import { readText } from '../files/files.ts'
import type { Io } from '../terminal/io.ts'
import { readWranglerToml, type WranglerConfig } from './wranglerToml.ts'

/** A folder with a wrangler.toml, which is one deployment. */
export interface Project extends WranglerConfig {
  root: string
  tomlFile: string
  devVarsFile: string
  devVars: Record<string, string>
  /** The throw-away keys of `npm run dev`, never those of .dev.vars. */
  devServerVars: Record<string, string>
  /** What `npm run dev` writes about itself while it runs. */
  devServer: DevServer | undefined
}

/** The content of running.json, which `npm run dev` writes. It holds no secret. */
export interface DevServer {
  url: string
  plcUrl: string
  did: string
  handle: string
  pid: number
}

export const DEV_URL = 'http://localhost:8787'
const DEV_PLC_URL = 'http://localhost:2582'
/** The folder with the state of `npm run dev`: what runs, its throw-away keys, its database. */
export const devFolder = (root: string): string => join(root, '.wrangler', 'dev')

/** The folder, and all folders above it. */
const upwards = (folder: string): string[] => {
  const above = dirname(folder)
  return above === folder ? [folder] : [folder, ...upwards(above)]
}

const isDevServer = (value: unknown): value is DevServer =>
  isObject(value) && ['url', 'plcUrl', 'did', 'handle'].every((name) => typeof value[name] === 'string')

const parseDevServer = (text: string | undefined): DevServer | undefined => {
  try {
    const value: unknown = JSON.parse(text ?? '')
    return isDevServer(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The nearest wrangler.toml: in the current folder or above it, otherwise the package's own. */
export async function findProject(io: Pick<Io, 'searchFolders'>): Promise<Project | undefined> {
  const root = io.searchFolders.flatMap(upwards).find((folder) => existsSync(join(folder, 'wrangler.toml')))
  if (root === undefined) return undefined
  const tomlFile = join(root, 'wrangler.toml')
  const devVarsFile = join(root, '.dev.vars')
  return {
    root,
    tomlFile,
    devVarsFile,
    ...readWranglerToml((await readText(tomlFile)) ?? '', tomlFile),
    devVars: parseDevVars((await readText(devVarsFile)) ?? ''),
    devServerVars: parseDevVars((await readText(join(devFolder(root), '.dev.vars'))) ?? ''),
    devServer: parseDevServer(await readText(join(devFolder(root), 'running.json'))),
  }
}

/** The project, or the error that there is none. `next` says what else the command takes. */
export const needProject = (project: Project | undefined, next?: string): Project => {
  if (project) return project
  throw new CliError('no-project', 'there is no wrangler.toml in this folder or above it', { next })
}

/** The server that a command talks to, and the PLC directory that it uses. */
export interface ServerAddress {
  origin: string
  /** Whether http to this machine is allowed. */
  dev: boolean
  plcUrl: string
  /** Whether wrangler.toml names it as HOSTNAME: the keys and passwords of .dev.vars and the key file are for it. */
  isProjectServer: boolean
  /** Whether it is the server of `npm run dev`: its throw-away passwords are for it. */
  isDevServer: boolean
}

/** The origin of a host. `givenAs` is the flag or variable that it comes from; the error names it. */
export const parseHost = (host: string, givenAs: string): string => {
  try {
    return originOf(host)
  } catch (cause) {
    throw new CliError('usage', `${givenAs}: ${messageOf(cause)}`, {
      next: `give ${givenAs} a host name such as pds.example.com`,
    })
  }
}

export const isLoopback = (origin: string): boolean =>
  /^https?:\/\/(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/.test(origin)

export const DEFAULT_PLC_URL = 'https://plc.directory'

/** The PLC directory for an account that may be on any PDS. */
export const directoryOf = (env: Io['env'], project: Project | undefined): string =>
  env['PLC_DIRECTORY_URL'] || project?.vars['PLC_DIRECTORY_URL'] || DEFAULT_PLC_URL

const ELSEWHERE =
  'for an account on another PDS, name it: --identifier <handle>; for your Cirrus, run the command in its folder, or name the server with --host'

/**
 * Finds the server: `--host`, otherwise the development server with `--dev`, otherwise HOSTNAME of wrangler.toml.
 * `takesIdentifier`: whether the command is also for accounts on other servers, which the error then says. For a server
 * that wrangler.toml does not name, PLC_DIRECTORY_URL of the environment counts, too.
 */
export function locateServer(
  project: Project | undefined,
  flags: { host?: string | undefined; dev: boolean },
  takesIdentifier = false,
  env: Io['env'] = {},
): ServerAddress {
  const vars = project?.vars ?? {}
  const hostname = vars['HOSTNAME'] ?? ''
  const devServer = project?.devServer
  const named = hostname === '' ? undefined : parseHost(hostname, 'HOSTNAME')
  const at = (origin: string) => ({ origin, isProjectServer: origin === named })
  if (flags.dev) {
    const origin = flags.host ? parseHost(flags.host, '--host') : (devServer?.url ?? DEV_URL)
    if (!isLoopback(origin))
      throw new CliError('usage', `--dev is for a server on this machine, and ${origin} is not`, {
        next: 'leave out --dev, or --host',
      })
    const plcUrl = devServer?.plcUrl ?? DEV_PLC_URL
    return { ...at(origin), dev: true, plcUrl, isDevServer: origin === (devServer?.url ?? origin) }
  }
  if (!flags.host) needProject(project, takesIdentifier ? ELSEWHERE : undefined)
  const origin = flags.host ? parseHost(flags.host, '--host') : named
  if (origin === undefined)
    throw new CliError('not-configured', 'HOSTNAME is not set in wrangler.toml', {
      next: 'run `pds init`, or name the server with --host (--dev for the local one)',
    })
  const { isProjectServer } = at(origin)
  const plcUrl = isProjectServer ? vars['PLC_DIRECTORY_URL'] || DEFAULT_PLC_URL : directoryOf(env, project)
  return { origin, isProjectServer, dev: isLoopback(origin), plcUrl, isDevServer: false }
}

/** The variable that names the host of the passwords in the environment, if that is not HOSTNAME of wrangler.toml. */
export const PASSWORD_HOST_VAR = 'ADMIN_PASSWORD_HOST'

/**
 * A password of the environment, if it is for this server: for HOSTNAME of wrangler.toml, or for the host that
 * ADMIN_PASSWORD_HOST names. An exported password of a deployed Cirrus must not reach anyone who listens elsewhere.
 */
export function environmentPassword(
  name: 'ADMIN_PASSWORD' | 'PDS_PASSWORD',
  server: ServerAddress,
  env: Io['env'],
): string | undefined {
  const host = env[PASSWORD_HOST_VAR]
  const isForServer = host ? parseHost(host, PASSWORD_HOST_VAR) === server.origin : server.isProjectServer
  return isForServer ? env[name] || undefined : undefined
}

/**
 * The admin password of this server, as far as it is known: of the environment, otherwise of .dev.vars if wrangler.toml
 * names the server; for the server of `npm run dev`, of the file that it wrote.
 */
export function adminPassword(
  project: Project | undefined,
  server: ServerAddress,
  env: Io['env'],
): string | undefined {
  const name = 'ADMIN_PASSWORD'
  const throwAway = server.isDevServer ? project?.devServerVars[name] : undefined
  const saved = server.isProjectServer && !server.isDevServer ? project?.devVars[name] : undefined
  return throwAway || environmentPassword(name, server, env) || saved || undefined
}
