// `npm run size`: the size of the published client and of the Worker, minified and gzipped, and how long the modules of
// the Worker take to start. Fails if one is over its budget. `npm run size -- client startup` measures only these two.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'tsdown'
import { measureStartup } from './startup.ts'

interface Budget {
  name: string
  limit: number
  /** Writes the bundle into an empty folder. */
  bundle(folder: string): Promise<void> | void
}

const client = (entry: string) => async (outDir: string) => {
  await build({
    config: false,
    entry: { bundle: entry },
    outDir,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    tsconfig: 'tsconfig.client.json',
    minify: true,
    dts: false,
    logLevel: 'error',
  })
}

const bundleWorker = (folder: string): void => {
  execFileSync('wrangler', ['deploy', '--dry-run', '--minify', '--outdir', folder], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

const budgets: Budget[] = [
  // Each method is some 16 bytes: there is room for a dozen more.
  { name: 'client', limit: 4.5 * 1024, bundle: client('src/client/index.ts') },
  // Bundled by itself: what it shares with the client is counted here again.
  { name: 'client/import', limit: 3 * 1024, bundle: client('src/client/import.ts') },
  { name: 'client/subscribe', limit: 5 * 1024, bundle: client('src/client/subscribe.ts') },
  { name: 'worker', limit: 250_000, bundle: bundleWorker },
]

const weigh = (folder: string): number => {
  const modules = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /\.(m?js|wasm)$/.test(file),
  )
  if (modules.length === 0) throw new Error(`nothing was bundled into ${folder}`)
  return gzipSync(Buffer.concat(modules.map((file) => readFileSync(path.join(folder, file)))), { level: 9 })
    .length
}

const inFolder = async <T>(work: (folder: string) => Promise<T>): Promise<T> => {
  const folder = mkdtempSync(path.join(tmpdir(), 'cirrus-size-'))
  try {
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const wanted = process.argv.slice(2)
let over = false
for (const { name, limit, bundle } of budgets) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  const size = await inFolder(async (folder) => {
    await bundle(folder)
    return weigh(folder)
  })
  over ||= size >= limit
  console.log(
    `${name.padEnd(14)}${String(size).padStart(8)} bytes gzip, budget ${limit}${size >= limit ? ': OVER' : ''}`,
  )
}

/**
 * As a ratio to the fixed work of `measureStartup`, so that neither a slow nor a busy machine is over budget. With the
 * authorization server and its pages it may take a fifth more than the 1.05 from before.
 */
const STARTUP_BUDGET = 1.26

if (wanted.length === 0 || wanted.includes('startup')) {
  const { worker, fixed, ratio } = await inFolder(async (folder) => {
    bundleWorker(folder)
    return measureStartup(folder)
  })
  const late = ratio >= STARTUP_BUDGET
  over ||= late
  console.log(
    `startup       ${ratio.toFixed(2).padStart(8)} times the fixed work (${worker.toFixed(1)} and ${fixed.toFixed(1)} ms ` +
      `of processor time), budget ${STARTUP_BUDGET}${late ? ': OVER' : ''}`,
  )
}
if (over) {
  console.error('size: over budget')
  process.exitCode = 1
}
