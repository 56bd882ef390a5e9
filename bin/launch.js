// What the programs of this package share, as plain JavaScript that any Node can run. Cirrus needs Node 22.18 or newer. On
// an older one, the Node that npm installed next to it takes over, with the same terminal, signals and exit code.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
// Node does not strip types below node_modules, and a published package has no sources.
const inPackage = root.split(/[\\/]/).includes('node_modules')

const newEnough = () => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  return major > 22 || (major === 22 && minor >= 18)
}

/** The npm package `node`, in this folder's node_modules or in one above it. */
const findNode = () => {
  const name = process.platform === 'win32' ? 'node.exe' : 'node'
  for (let folder = root; ; folder = dirname(folder)) {
    const binary = join(folder, 'node_modules', 'node', 'bin', name)
    if (existsSync(binary)) return binary
    if (folder === dirname(folder)) return undefined
  }
}

const handOver = (name, file, binary) => {
  const child = spawn(binary, [file, ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, PDS_NODE: binary },
  })
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  // A terminal sends Ctrl-C to both processes; if it were passed on too, it would count twice.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'))
  child.on('error', (error) => {
    process.stderr.write(
      `${name}: ${binary} does not start: ${error.message}\nNext: run \`npm install\` in ${root}.\n`,
    )
    process.exitCode = 1
  })
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0)
  })
}

/**
 * Runs the program `name`, whose file in bin/ is `file`: its source in a clone, `built` below dist/ in a package. Both
 * export `main(argv)`.
 */
export async function launch({ name, file, source, built }) {
  if (newEnough()) {
    const inClone = join(root, ...source.split('/'))
    const entry = existsSync(inClone) && !inPackage ? inClone : join(root, ...built.split('/'))
    const { main } = await import(pathToFileURL(entry).href)
    await main(process.argv.slice(2))
    return
  }
  const binary = process.env.PDS_NODE ? undefined : findNode()
  if (binary) {
    handOver(name, fileURLToPath(file), binary)
    return
  }
  process.stderr.write(
    `${name} needs Node 22.18 or newer, and this is ${process.versions.node}\n` +
      (inPackage
        ? `Next: install a newer Node; or run \`npm install node@24\` in this folder; or \`npx -p node@24 -p cirrus-pds ${name} …\`.\n`
        : `Next: run \`npm install\` in ${root}: it installs the right one.\n`) +
      'See docs/troubleshoot.md#wrong-node\n',
  )
  process.exitCode = 1
}
