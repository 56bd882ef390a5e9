/**
 * `npm run codegen` writes the standard documents in `lexicons/`, `src/generated/`, the list of endpoints, the list of what
 * scopes open and the list of the contract suite's rules.
 * `npm run codegen -- --check` writes nothing and fails when they differ from what it would write.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { emitAssets } from './emit/assets.ts'
import { emitClient } from './emit/client.ts'
import { emitLexicons } from './emit/lexicons.ts'
import { emitMethods } from './emit/methods.ts'
import { emitServer } from './emit/server.ts'
import { emitServerSchemas } from './emit/serverSchemas.ts'
import { emitSignatures } from './emit/signatures.ts'
import { embedRules, emitRules } from './emit/rules.ts'
import { embedScopes, emitScopes } from './emit/scopes.ts'
import { embedTable, emitEndpoints, emitTable } from './emit/table.ts'
import { policy } from '../src/policy.ts'
import { files, generatedRoot, lexiconRoot, root, under, writeTree } from './files.ts'
import { genServer } from './lex-cli.ts'
import { load, type Loaded } from './load.ts'
import { methodsOf } from './methods.ts'
import { editedDocuments, standardDocuments } from './standard.ts'
import { trim } from './trim.ts'

/**
 * The generated files by path below `src/generated/`. They depend on the documents, on what the pages load, and on the
 * library that tells files by their first bytes.
 */
export function generate(loaded: Loaded[] = load()): Map<string, string> {
  const methods = methodsOf(loaded)
  const types = trim(genServer(loaded.map(({ file }) => file)))
  return new Map([
    ...types,
    ['assets.ts', emitAssets()],
    ['lexicons.ts', emitLexicons(loaded)],
    ['methods.ts', emitMethods(methods, (file) => `./${file}`, '../xrpc/types.ts')],
    ['server.ts', emitServer(methods)],
    ['serverSchemas.ts', emitServerSchemas(loaded)],
    ['signatures.ts', emitSignatures()],
    [
      'client/methods.ts',
      emitMethods(
        methods,
        (file) => (types.has(`client/${file}`) ? `./${file}` : `../${file}`),
        '../../client/json.ts',
      ),
    ],
    ['client/namespaces.ts', emitClient(methods, '../../client')],
  ])
}

const README = path.join(root, 'README.md')
const CONTRACT = path.join(root, 'docs/contract.md')
const SCOPES = path.join(root, 'docs/oauth-scopes.md')

/**
 * The pages with the list of endpoints, the one with the scopes of apps, and the one with the rules of the contract suite,
 * by path below the root. They depend on the documents, the policy and the rules.
 */
export async function documentation(loaded: Loaded[] = load()): Promise<Map<string, string>> {
  const table = emitTable(methodsOf(loaded), policy)
  const pages = new Map([['docs/endpoints.md', emitEndpoints(table)]])
  if (existsSync(README)) pages.set('README.md', embedTable(readFileSync(README, 'utf8'), table))
  if (existsSync(SCOPES))
    pages.set('docs/oauth-scopes.md', embedScopes(readFileSync(SCOPES, 'utf8'), emitScopes(policy)))
  if (existsSync(CONTRACT)) {
    // The suite imports what is generated: it is loaded once that is there.
    const { RULES } = await import('../src/contract/areas.ts')
    pages.set('docs/contract.md', embedRules(readFileSync(CONTRACT, 'utf8'), emitRules(RULES)))
  }
  return pages
}

/**
 * Methods without a row in the policy: `tsc` refuses them, and the list of endpoints does not yet say who may call
 * them.
 */
export const withoutRow = (loaded: Loaded[], rows: object = policy): string[] =>
  methodsOf(loaded)
    .filter(({ id }) => !Object.hasOwn(rows, id))
    .map(({ id }) => `${id} has no row in src/policy.ts: add it, and run \`npm run codegen\` again`)

/** Which files of a folder are missing or have another content. */
const differences = (folder: string, wanted: Map<string, string>): string[] =>
  [...wanted].flatMap(([file, text]) => {
    const target = path.join(folder, file)
    if (!existsSync(target)) return [`${under(root, target)} is missing`]
    return readFileSync(target, 'utf8') === text ? [] : [`${under(root, target)} differs`]
  })

/** Files below `src/generated/` that would not be written. */
const strangers = (wanted: Map<string, string>): string[] =>
  (existsSync(generatedRoot) ? files(generatedRoot, '') : [])
    .filter((file) => !wanted.has(under(generatedRoot, file)))
    .map((file) => `${under(root, file)} is not generated`)

async function write(): Promise<void> {
  writeTree(lexiconRoot, standardDocuments(), (file) => !file.startsWith('com/cirrus/'))
  const loaded = load()
  const contents = generate(loaded)
  writeTree(generatedRoot, contents, () => true)
  const pages = await documentation(loaded)
  for (const [file, text] of pages) {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true })
    writeFileSync(path.join(root, file), text)
  }
  for (const line of withoutRow(loaded)) console.warn(`codegen: ${line}`)
  console.log(`codegen: ${contents.size + pages.size} files written`)
}

async function findings(): Promise<string[]> {
  const edited = editedDocuments()
  if (edited.length > 0) return edited
  const loaded = load()
  const contents = generate(loaded)
  return [
    ...strangers(contents),
    ...differences(generatedRoot, contents),
    ...differences(root, await documentation(loaded)),
  ]
}

async function check(): Promise<void> {
  const found = await findings()
  if (found.length === 0) return console.log('codegen: up to date')
  for (const line of found) console.error(`codegen: ${line}`)
  console.error('codegen: run `npm run codegen` and commit the result')
  process.exitCode = 1
}

if (import.meta.main) await (process.argv.includes('--check') ? check : write)()
