import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { originOf } from '../client/host.ts'
import { parseDevVars } from './devVars.ts'
import { CliError, messageOf } from './errors.ts'
import { isObject } from '../isObject.ts'
import { readText } from './files.ts'
import type { Io } from './io.ts'
import { readWrangler, type Wrangler } from './wranglerToml.ts'

/** A folder with a wrangler.toml, which is one deployment. */
export interface Project extends Wrangler {
  root: string
  tomlFile: string
  devVarsFile: string
  devVars: Record<string, string>
  /** The throw-away keys of `npm run dev`, never those of .dev.vars. */
  devServerVars: Record<string, string>
  /** What `npm run dev` writes down while it runs. */
  devServer: DevServer | undefined
}

/** What `npm run dev` says about itself. It holds no secret. */
export interface DevServer {
  url: string
  plcUrl: string
  did: string
  handle: string
  pid: number
}

export const DEV_URL = 'http://localhost:8787'
/** The folder with the state of `npm run dev`: what runs, its throw-away keys, its database. */
export const devFolder = (root: string): string => join(root, '.wrangler', 'dev')

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
export async function findProject(io: Pick<Io, 'roots'>): Promise<Project | undefined> {
  const root = io.roots.flatMap(upwards).find((folder) => existsSync(join(folder, 'wrangler.toml')))
  if (root === undefined) return undefined
  const tomlFile = join(root, 'wrangler.toml')
  const devVarsFile = join(root, '.dev.vars')
  return {
    root,
    tomlFile,
    devVarsFile,
    ...readWrangler((await readText(tomlFile)) ?? '', tomlFile),
    devVars: parseDevVars((await readText(devVarsFile)) ?? ''),
    devServerVars: parseDevVars((await readText(join(devFolder(root), '.dev.vars'))) ?? ''),
    devServer: parseDevServer(await readText(join(devFolder(root), 'running.json'))),
  }
}

/** The project, or the error that there is none. */
export const needProject = (project: Project | undefined): Project => {
  if (project) return project
  throw new CliError('no-project', 'there is no wrangler.toml in this folder or above it')
}

/** Which server a command talks to. */
export interface Where {
  origin: string
  /** Whether http to this machine is allowed. */
  dev: boolean
  plcUrl: string
  /** Whether the server is the one that wrangler.toml and .dev.vars are about. */
  own: boolean
}

/** The origin of a host that was given as `flag`, or the error that says what is wrong with it. */
export const parseHost = (host: string, flag: string): string => {
  try {
    return originOf(host)
  } catch (cause) {
    throw new CliError('usage', `${flag}: ${messageOf(cause)}`, {
      next: `give ${flag} a host name such as pds.example.com`,
    })
  }
}

export const isLoopback = (origin: string): boolean =>
  /^https?:\/\/(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/.test(origin)

const PLC_URL = 'https://plc.directory'

/** The server: `--host`, otherwise the development server with `--dev`, otherwise HOSTNAME of wrangler.toml. */
export function locate(
  project: Project | undefined,
  flags: { host?: string | undefined; dev: boolean },
): Where {
  const vars = project?.vars ?? {}
  const hostname = vars['HOSTNAME'] ?? ''
  const dev = project?.devServer
  if (flags.dev) {
    const origin = flags.host ? parseHost(flags.host, '--host') : (dev?.url ?? DEV_URL)
    if (!isLoopback(origin))
      throw new CliError('usage', `--dev is for a server on this machine, and ${origin} is not`, {
        next: 'leave out --dev, or --host',
      })
    return { origin, dev: true, plcUrl: dev?.plcUrl ?? 'http://localhost:2582', own: true }
  }
  const plcUrl = vars['PLC_DIRECTORY_URL'] || PLC_URL
  if (flags.host) {
    const origin = parseHost(flags.host, '--host')
    const own = hostname !== '' && origin === parseHost(hostname, 'HOSTNAME')
    return { origin, dev: isLoopback(origin), plcUrl, own: own || isLoopback(origin) }
  }
  needProject(project)
  if (hostname === '')
    throw new CliError('not-configured', 'HOSTNAME is not set in wrangler.toml', {
      next: 'run `pds init`, or name the server with --host (--dev for the local one)',
    })
  const origin = parseHost(hostname, 'HOSTNAME')
  return { origin, dev: isLoopback(origin), plcUrl, own: true }
}

/**
 * ADMIN_PASSWORD of the environment, otherwise of .dev.vars. With `--dev` the files come first, so that a production
 * password in the environment is not sent. The password of .dev.vars is never sent to a host that wrangler.toml does
 * not name.
 */
export function adminPassword(
  project: Project | undefined,
  where: Where,
  dev: boolean,
  env: Io['env'],
): string | undefined {
  const name = 'ADMIN_PASSWORD'
  const saved = where.own ? project?.devVars[name] || undefined : undefined
  const given = env[name] || undefined
  return dev ? project?.devServerVars[name] || saved || given : (given ?? saved)
}
