// Installs the reference PDS beside this file, once. Runs on Node 20 with nothing but npm, python3, g++ and make.
//
// better-sqlite3 is the only native module. Its own install script first asks for a prebuilt binary, and when it
// compiles, it does so against the headers of whatever Node runs npm: built for Node 24.21 it aborts at random.
// So no package script runs here; it is compiled against the headers of the exact Node that will load it.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const modules = join(here, 'node_modules')
const headers = join(modules, `node-${process.platform}-${process.arch}`)
const node = join(headers, 'bin', 'node')
const sqlite = join(modules, 'better-sqlite3')
const binary = join(sqlite, 'build', 'Release', 'better_sqlite3.node')
const stamp = join(modules, '.interop-installed')

const wanted = createHash('sha256')
for (const file of ['package.json', 'package-lock.json', 'install.mjs']) {
  if (existsSync(join(here, file))) wanted.update(readFileSync(join(here, file)))
}
const version = wanted.digest('hex')

if (existsSync(binary) && existsSync(stamp) && readFileSync(stamp, 'utf8') === version) process.exit(0)
rmSync(stamp, { force: true })

const run = (title, command, args, options = {}) => {
  const start = performance.now()
  process.stderr.write(`interop: ${title} … `)
  try {
    const out = execFileSync(command, args, {
      cwd: here,
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

// The npm_* variables of an outer `npm run` would point it back
// to the main package.
const outer = Object.entries(process.env).filter(
  ([name]) => !/^npm_(package|lifecycle|config_(local_)?prefix)/.test(name),
)
const env = Object.fromEntries(outer)
run('npm install', 'npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
  env,
})

if (!existsSync(node)) {
  process.stderr.write(
    `interop: there is no node-${process.platform}-${process.arch} in package.json; add it\n`,
  )
  process.exit(1)
}
const gyp = join(modules, 'node-gyp', 'bin', 'node-gyp.js')
run('compile better-sqlite3 (about a minute)', node, [gyp, 'rebuild', '--release'], {
  cwd: sqlite,
  env: {
    ...env,
    PATH: [dirname(node), env.PATH].join(delimiter),
    JOBS: String(availableParallelism()),
    npm_config_nodedir: headers,
  },
})

const probe = `console.log(new (require('better-sqlite3'))(':memory:').prepare('select sqlite_version()').pluck().get())`
const sqliteVersion = run('try it', node, ['-e', probe]).trim()
process.stderr.write(`interop: SQLite ${sqliteVersion}, ready\n`)
// The lock file may have been written just now.
const written = createHash('sha256')
for (const file of ['package.json', 'package-lock.json', 'install.mjs'])
  written.update(readFileSync(join(here, file)))
writeFileSync(stamp, written.digest('hex'))
