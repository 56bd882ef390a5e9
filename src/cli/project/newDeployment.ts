import { mkdir, readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { VERSION } from '../../version.ts'
import { CliError } from '../errors.ts'
import { isNoSuchFile, readText, writeAtomically } from '../files/files.ts'
import { newWranglerToml, WRANGLER_VERSION } from './settings.ts'
import { readWranglerToml } from './wranglerToml.ts'

/** The Worker's main module. Classes that a later version adds are exported too. */
const WORKER_MODULE = `export * from 'cirrus-pds/worker'\nexport { default } from 'cirrus-pds/worker'\n`

const GITIGNORE = 'node_modules/\n'

/** Every later version that keeps the promises of this one: of 0.x all, because npm would only take 0.1.x for ^0.1.0. */
const versionRange = (version: string): string => {
  const major = version.split('.')[0] ?? '0'
  return major === '0' ? `>=${version} <1.0.0` : `^${version}`
}

const packageJson = (name: string, cirrus: string): string =>
  `${JSON.stringify(
    {
      name,
      private: true,
      type: 'module',
      scripts: { dev: 'pds dev', deploy: 'wrangler deploy', pds: 'pds' },
      dependencies: { 'cirrus-pds': cirrus },
      devDependencies: { wrangler: WRANGLER_VERSION },
      engines: { node: '>=22.18' },
      // Neither needs its install script.
      allowScripts: { esbuild: false, workerd: false },
    },
    null,
    2,
  )}\n`

/** A name for the Worker, and for the bucket with `-blobs` behind it: lower-case letters, digits and hyphens. */
const workerName = (folder: string): string => {
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 50)
    .replace(/-+$/, '')
  return /^[a-z]/.test(name) ? name : name === '' ? 'cirrus' : `cirrus-${name}`
}

const entriesOf = async (folder: string): Promise<string[]> => {
  try {
    return await readdir(folder)
  } catch (cause) {
    if (isNoSuchFile(cause)) return []
    throw new CliError('bad-folder', `${folder} cannot be read as a folder`, {
      cause,
      next: 'name another folder: an empty one, or one that does not exist yet',
    })
  }
}

const WORKER_FILE = 'worker.js'
/** The four files. The first one makes the folder a deployment, so that a later run completes it. */
const FILE_NAMES = ['wrangler.toml', 'package.json', WORKER_FILE, '.gitignore'] as const
type FileName = (typeof FILE_NAMES)[number]

const filesOf = (folder: string, cirrusPackage: string | undefined): Record<FileName, string> => {
  const name = workerName(folder)
  return {
    'wrangler.toml': newWranglerToml(name),
    'package.json': packageJson(name, cirrusPackage ?? versionRange(VERSION)),
    'worker.js': WORKER_MODULE,
    '.gitignore': GITIGNORE,
  }
}

const inTheWay = (folder: string, what: string): CliError =>
  new CliError('bad-folder', `${folder} holds something else: ${what}`, {
    next: 'name another folder: an empty one, or one that does not exist yet',
  })

/** A folder that is a deployment, or will be one. */
export interface DeploymentPlan {
  /** Whether the Worker comes from the package; in a clone of the source it does not. */
  readonly usesPackage: boolean
  /** Writes those of the four files that are missing, and returns their names. Nothing is written before. */
  write(): Promise<string[]>
}

/**
 * Looks whether the folder is a deployment, or can become one; throws if it holds something else that would be in the
 * way. `cirrusPackage` is what npm installs as cirrus-pds, by default this version or a later one from the registry.
 */
export async function planDeployment(
  folder: string,
  cirrusPackage: string | undefined,
): Promise<DeploymentPlan> {
  const entries = await entriesOf(folder)
  const missing = FILE_NAMES.filter((name) => !entries.includes(name))
  const usesPackage = missing.includes('wrangler.toml')
    ? requireRoom(folder, entries)
    : await readsPackage(join(folder, 'wrangler.toml'))
  return {
    usesPackage,
    write: async () => {
      if (!usesPackage) return []
      await mkdir(folder, { recursive: true })
      const files = filesOf(folder, cirrusPackage)
      for (const name of missing) await writeAtomically(join(folder, name), files[name])
      return missing
    },
  }
}

const requireRoom = (folder: string, entries: readonly string[]): true => {
  const taken = ['package.json', WORKER_FILE].filter((name) => entries.includes(name))
  if (taken.length > 0) throw inTheWay(folder, taken.join(', '))
  return true
}

/** Whether the Worker of this wrangler.toml is the package's. */
const readsPackage = async (file: string): Promise<boolean> => {
  const { main, objects } = readWranglerToml((await readText(file)) ?? '', file)
  if (!objects.some(({ className }) => className === 'AccountObject'))
    throw inTheWay(dirname(file), 'the wrangler.toml of another Worker')
  return main === WORKER_FILE
}
