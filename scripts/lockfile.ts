import { readFileSync, writeFileSync } from 'node:fs'

interface LockedPackage {
  version?: string
  integrity?: string
  resolved?: string
  libc?: string[]
  link?: boolean
  optionalDependencies?: Record<string, string>
}

export interface Lockfile {
  packages: Record<string, LockedPackage>
}

/** The entry that Node would load as `name` from the package at `from`: its own, else that of the nearest folder above. */
const resolve = ({ packages }: Lockfile, from: string, name: string): LockedPackage | undefined => {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/') - 1))) {
    const found = packages[folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`]
    if (found !== undefined || folder === '') return found
  }
}

/**
 * What is wrong with a lock file of npm, one sentence each; none if the lock installs on every system and both npm 10
 * and npm 11 leave it as it is:
 *
 * - Each optional dependency is listed with version and integrity. Packages with native code name one build per system
 *   in this way. npm writes down only the builds that it installed itself if a `node_modules` was there before
 *   (https://github.com/npm/cli/issues/4828), and npm 10 then installs none on the other systems.
 * - No entry has `libc`: npm 11 writes it, and npm 10 takes it out on every install.
 * - No entry has `resolved`: it would name the registry of the person who wrote the lock.
 */
export const lockfileProblems = (lock: Lockfile): string[] => {
  const problems: string[] = []
  for (const [folder, { optionalDependencies = {}, libc, resolved, link }] of Object.entries(lock.packages)) {
    for (const name of Object.keys(optionalDependencies)) {
      const build = resolve(lock, folder, name)
      if (build === undefined) problems.push(`${folder || 'the package itself'}: ${name} is missing`)
      else if (build.version === undefined || build.integrity === undefined)
        problems.push(`${folder || 'the package itself'}: ${name} has no version or no integrity`)
    }
    if (libc !== undefined) problems.push(`${folder}: libc, which npm 10 takes out`)
    if (resolved !== undefined && link !== true) problems.push(`${folder}: resolved, which names a registry`)
  }
  return problems
}

/** `npm run lockfile`: checks both lock files; with `--write` it first takes out `libc`. */
if (import.meta.main) {
  for (const file of ['package-lock.json', 'test/interop/package-lock.json']) {
    const text = readFileSync(file, 'utf8')
    const lock = JSON.parse(text) as Lockfile
    if (process.argv.includes('--write')) {
      for (const entry of Object.values(lock.packages)) delete entry.libc
      writeFileSync(file, `${JSON.stringify(lock, undefined, 2)}\n`)
    }
    const problems = lockfileProblems(lock)
    if (problems.length === 0) continue
    process.exitCode = 1
    console.error(`${file}:\n  ${problems.join('\n  ')}`)
  }
  if (process.exitCode === 1)
    console.error(
      'What is missing is added by `npm install` with npm 11, then `npm run lockfile -- --write`.',
    )
}
