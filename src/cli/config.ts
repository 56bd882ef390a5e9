/** Where the server is and who we are to it: flags, then the environment, then wrangler.toml and .dev.vars. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { originOf } from '../client/host.ts'
import { parseDevVars } from './devVars.ts'
import { CliError } from './errors.ts'
import { readText } from './files.ts'
import type { Io } from './io.ts'
import { readWrangler, type Wrangler } from './wranglerToml.ts'

/** A folder with a wrangler.toml: one deployment. */
export interface Project extends Wrangler {
  root: string
  tomlFile: string
  devVarsFile: string
  devVars: Record<string, string>
  /** The throw-away keys of `npm run dev`: never those of .dev.vars. */
  devServerVars: Record<string, string>
  /** Written by `npm run dev` while it runs. */
  devServer: DevServer | undefined
}

/** What `npm run dev` says about itself. No secret stands in it. */
export interface DevServer {
  url: string
  plcUrl: string
  did: string
  handle: string
  pid: number
}

export const DEV_URL = 'http://localhost:8787'
/** State of `npm run dev`: what runs, its own throw-away keys, its database. */
export const devFolder = (root: string): string => join(root, '.wrangler', 'dev')

const upwards = (folder: string): string[] => {
  const above = dirname(folder)
  return above === folder ? [folder] : [folder, ...upwards(above)]
}

const isDevServer = (value: unknown): value is DevServer =>
  typeof value === 'object' &&
  value !== null &&
  ['url', 'plcUrl', 'did', 'handle'].every((name) => typeof Reflect.get(value, name) === 'string')

const parseDevServer = (text: string | undefined): DevServer | undefined => {
  try {
    const value: unknown = JSON.parse(text ?? '')
    return isDevServer(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The nearest wrangler.toml: where the person stands or above, else the package's own. */
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

export const needProject = (project: Project | undefined): Project => {
  if (project) return project
  throw new CliError('no-project', 'there is no wrangler.toml in this folder or above it')
}

export interface Where {
  origin: string
  /** Loopback over http is allowed. */
  dev: boolean
  plcUrl: string
  /** The server is the one that wrangler.toml and .dev.vars are about. */
  own: boolean
}

/** The origin that someone typed, or the error that says what is wrong with it. */
export const parseHost = (host: string, flag: string): string => {
  try {
    return originOf(host)
  } catch (cause) {
    throw new CliError('usage', `${flag}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      next: `give ${flag} a host name such as pds.example.com`,
    })
  }
}

export const isLoopback = (origin: string): boolean =>
  /^https?:\/\/(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/.test(origin)

const PLC_URL = 'https://plc.directory'

/** `--host`, else the development server with `--dev`, else HOSTNAME of wrangler.toml. */
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
      throw new CliError('usage', `--dev is for a server on this machine, not for ${origin}`, {
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
 * ADMIN_PASSWORD: the environment, else .dev.vars. With `--dev` the files come first, so that a production password in
 * the environment stays there; and to a host that wrangler.toml does not name, .dev.vars gives nothing away.
 */
export function adminPassword(
  project: Project | undefined,
  where: Where,
  dev: boolean,
  env: Io['env'],
): string | undefined {
  const name = 'ADMIN_PASSWORD'
  const kept = where.own ? project?.devVars[name] || undefined : undefined
  const given = env[name] || undefined
  return dev ? project?.devServerVars[name] || kept || given : (given ?? kept)
}
