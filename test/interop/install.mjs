// Installs the reference PDS beside this file, once. Runs on Node 20 with nothing but npm, python3, g++ and make.
//
// better-sqlite3 is the only native module. Its own install script first asks for a prebuilt binary, and when it
// compiles, it does so against the headers of whatever Node runs npm: built for Node 24.21 it aborts at random.
// So no package script runs here; it is compiled against the headers of the exact Node that will load it.
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { installer } from './installer.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const modules = join(here, 'node_modules')
const headers = join(modules, `node-${process.platform}-${process.arch}`)
const node = join(headers, 'bin', 'node')
const sqlite = join(modules, 'better-sqlite3')
const binary = join(sqlite, 'build', 'Release', 'better_sqlite3.node')

const { env, run, isDone, npmInstall, finish } = installer(here)
if (existsSync(binary) && isDone()) process.exit(0)
npmInstall('npm install')

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
finish()
