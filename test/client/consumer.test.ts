/**
 * What a project without dependencies gets: the built package in a folder of its own outside this tree,
 * compiled with `skipLibCheck: false` and without Node's or Cloudflare's types, then run.
 */
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { build } from 'tsdown'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import config from '../../tsdown.config.ts'

const root = path.resolve(import.meta.dirname, '../..')
const run = promisify(execFile)
const project = mkdtempSync(path.join(tmpdir(), 'consumer-'))
const installed = path.join(project, 'node_modules/cirrus-pds')

const file = (name: string, text: string): void => writeFileSync(path.join(project, name), text)
// Not the end of a string: "from" is also a value of lexicons.
const IMPORT = /(?:^|[\s;}*])(?:from|import)\s*\(?["']([^"'\n]+)["']/g
const importsOf = (text: string): string[] => [...text.matchAll(IMPORT)].map(([, name = '']) => name)

/** The files of the client with this extension: its entries, and what they import. The mover has files of its own. */
const built = (extension: '.js' | '.d.ts'): string[] => {
  const found = new Map<string, string>()
  const visit = (name: string): void => {
    if (found.has(name)) return
    const text = readFileSync(name, 'utf8')
    found.set(name, text)
    for (const imported of importsOf(text))
      if (imported.startsWith('.'))
        visit(path.join(path.dirname(name), imported.replace(/(\.d)?\.[jt]s$/, extension)))
  }
  for (const entry of ['index', 'import', 'subscribe'])
    visit(path.join(installed, 'dist/client', `${entry}${extension}`))
  return [...found.values()]
}

beforeAll(async () => {
  mkdirSync(installed, { recursive: true })
  await build({
    ...config,
    config: false,
    cwd: root,
    outDir: path.join(installed, 'dist'),
    logLevel: 'error',
  })
  cpSync(path.join(root, 'package.json'), path.join(installed, 'package.json'))
  for (const name of ['example.ts', 'subscribeExample.ts'])
    cpSync(path.join(root, 'test/client', name), path.join(project, name))
  file('package.json', '{ "type": "module" }')
  const compilerOptions = {
    target: 'es2022',
    lib: ['es2022', 'dom'],
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    outDir: 'out',
  }
  file('tsconfig.json', JSON.stringify({ compilerOptions: { ...compilerOptions, module: 'nodenext' } }))
  file(
    'tsconfig.bundler.json',
    JSON.stringify({
      compilerOptions: { ...compilerOptions, module: 'esnext', moduleResolution: 'bundler', noEmit: true },
    }),
  )
  file(
    'main.ts',
    `import { connect, settle, XrpcError } from 'cirrus-pds/client'
import { decodeBlock, subscribeRepos, XrpcError as Same } from 'cirrus-pds/client/subscribe'
import { moveIn } from './example.js'
import { linesOf } from './subscribeExample.js'
const client = connect('alice.example', { fetch: async () => Response.json({ error: 'RepoNotFound' }, { status: 400 }) })
const repo = await settle(client.com.atproto.sync.getRepo({ did: 'did:web:alice.example' }))
// @ts-expect-error misspelt
if (!repo.ok && repo.error === 'RepoNotFuond') throw repo
console.log(repo.ok || repo.error, typeof moveIn)
subscribeRepos('alice.example', { WebSocket })
const seq = 1, did = 'did:web:a', time = ''
const lines = await linesOf({ $type: 'com.atproto.sync.subscribeRepos#account', seq, did, time, active: true })
console.log(lines, decodeBlock(new Uint8Array([0x81, 0xf5])), Same === XrpcError)
// @ts-expect-error misspelt
subscribeRepos('alice.example', { curser: 1 })
`,
  )
}, 60_000)
afterAll(() => rmSync(project, { recursive: true, force: true }))

describe('the built package', () => {
  it('imports nothing, neither in its code nor in its declarations', () => {
    const imports = [...built('.js'), ...built('.d.ts')].flatMap(importsOf)
    expect(imports.length).toBeGreaterThan(0)
    expect(imports.filter((name) => !name.startsWith('.'))).toEqual([])
    for (const text of built('.d.ts'))
      expect(text).not.toMatch(/\/\/\/ *<reference|multiformats|@atproto|[:<(|] *any\b/)
  })

  it.each(['tsconfig.json', 'tsconfig.bundler.json'])(
    'compiles where there are no other types (%s)',
    async (name) => {
      const tsc = path.join(root, 'node_modules/typescript/bin/tsc')
      const { stdout } = await run(process.execPath, [tsc, '-p', name], { cwd: project }).catch(
        (error: { stdout: string }) => error,
      )
      expect(stdout).toBe('')
    },
  )

  it('runs', async () => {
    const { stdout } = await run(process.execPath, ['out/main.js'], { cwd: project })
    expect(stdout).toBe("RepoNotFound function\n[ 'did:web:a is active' ] [ true ] true\n")
  })
})
