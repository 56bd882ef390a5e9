import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, chownSync, constants, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

import { freePort } from '../../../../dev/port.ts'

export interface Postgres {
  /** Of a database with nothing in it. */
  readonly url: string
  readonly pid: number
  /** Ends every connection and waits until the process has exited. */
  stop(): Promise<void>
}

/** A Postgres of its own on loopback, whose data lives in `directory` and is never forced to disk. */
export async function startPostgres(directory: string): Promise<Postgres> {
  const programs = findPrograms()
  const data = join(directory, 'postgres')
  mkdirSync(data, { recursive: true })
  const user = whoRunsIt()
  // What it starts in and writes to must be its own; the folder around it is ours, and it only passes through.
  if (user) for (const folder of [directory, data]) chownSync(folder, user.uid, user.gid)
  const options = { cwd: directory, env: { ...process.env, LC_ALL: 'C.UTF-8' }, ...user }

  const port = await freePort()
  const initdb = ['-D', data, '-A', 'trust', '-U', 'pg', '-E', 'UTF8', '--no-sync', '--no-instructions']
  await promisify(execFile)(join(programs, 'initdb'), initdb, options)
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    max_connections: '60',
    shared_buffers: '32MB',
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const server = spawn(join(programs, 'postgres'), ['-D', data, '-p', String(port), ...flags], {
    ...options,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const exited = once(server, 'exit')
  const said: string[] = []
  await new Promise<void>((resolve, reject) => {
    createInterface(server.stderr).on('line', (line) => {
      if (said.push(line) > 100) said.shift()
      if (line.includes('ready to accept connections')) resolve()
    })
    server.once('error', reject)
    exited.then(() => reject(new Error(`Postgres did not start:\n${said.join('\n')}`)), reject)
  })
  return {
    url: `postgresql://pg@127.0.0.1:${port}/postgres`,
    pid: server.pid ?? 0,
    stop: async () => {
      // Fast: it ends the connections that there are and does not wait for them.
      server.kill('SIGINT')
      await exited
    },
  }
}

interface Places {
  /** A folder that comes before all others. */
  readonly chosen?: string | undefined
  readonly path: string
  /** Debian has a folder for each version, and none of them on the PATH. */
  readonly debian: string
}

const PLACES: Places = {
  chosen: process.env['PG_BIN'],
  path: process.env['PATH'] ?? '',
  debian: '/usr/lib/postgresql',
}

/** The folder that has initdb and postgres. */
export function findPrograms({ chosen, path, debian }: Places = PLACES): string {
  const folders = [
    ...(chosen ? [chosen] : []),
    ...path.split(delimiter).filter(Boolean),
    ...list(debian)
      .toSorted((a, b) => Number(b) - Number(a))
      .map((version) => join(debian, version, 'bin')),
  ]
  const found = folders.find((folder) =>
    ['initdb', 'postgres'].every((name) => isProgram(join(folder, name))),
  )
  if (found !== undefined) return found
  throw new Error(
    'The AppView needs Postgres: there is no folder with both `initdb` and `postgres` on the PATH or below ' +
      `${debian}. Install it (Debian: apt-get install --no-install-recommends postgresql), or set PG_BIN to the ` +
      'folder that has them.',
  )
}

const list = (folder: string): string[] => {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

const isProgram = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Postgres refuses to run as root. There it runs as its own user, or as nobody. */
function whoRunsIt(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const users = new Map(
    readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
      .map(([name, , uid, gid]) => [name, { uid: Number(uid), gid: Number(gid) }]),
  )
  const user = users.get('postgres') ?? users.get('nobody')
  if (!user) throw new Error('Postgres cannot run as root, and there is no user `postgres` or `nobody`.')
  return user
}
