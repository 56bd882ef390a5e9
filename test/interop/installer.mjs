// What the install scripts of this folder share: the packages that tests need and the main install does not have.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Of the package in `folder`: done once, and again when its package.json, its lock file or its script has changed. */
export const installer = (folder) => {
  const stamp = join(folder, 'node_modules', '.interop-installed')
  const version = () => {
    const hash = createHash('sha256')
    for (const file of ['package.json', 'package-lock.json', 'install.mjs'])
      if (existsSync(join(folder, file))) hash.update(readFileSync(join(folder, file)))
    return hash.digest('hex')
  }
  // The npm_* variables of an outer `npm run` would point it back to the main package.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^npm_(package|lifecycle|config_(local_)?prefix)/.test(name),
    ),
  )
  const run = (title, command, args, options = {}) => {
    const start = performance.now()
    process.stderr.write(`interop: ${title} … `)
    try {
      const out = execFileSync(command, args, {
        cwd: folder,
        env,
        encoding: 'utf8',
        stdio: 'pipe',
        maxBuffer: 1 << 26,
        ...options,
      })
      process.stderr.write(`${((performance.now() - start) / 1000).toFixed(1)} s\n`)
      return out
    } catch (cause) {
      process.stderr.write(`failed\n${cause.stdout ?? ''}${cause.stderr ?? ''}\n`)
      process.exit(1)
    }
  }
  return {
    env,
    run,
    isDone: () => existsSync(stamp) && readFileSync(stamp, 'utf8') === version(),
    /** npm runs no script of any package. */
    npmInstall: (title) => {
      rmSync(stamp, { force: true })
      run(title, 'npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'])
    },
    // The lock file may have been written just now: the version is that of the end.
    finish: () => writeFileSync(stamp, version()),
  }
}
