/**
 * `npm run codegen` writes `lexicons/` (the standard documents) and `src/generated/`;
 * `npm run codegen -- --check` writes nothing and fails where they differ from what it would write.
 */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { emitClient } from './emit/client.ts'
import { emitLexicons } from './emit/lexicons.ts'
import { emitMethods } from './emit/methods.ts'
import { emitServer } from './emit/server.ts'
import { files, generatedRoot, lexiconRoot, under, writeTree } from './files.ts'
import { genServer } from './lex-cli.ts'
import { load } from './load.ts'
import { methodsOf } from './methods.ts'
import { editedDocuments, standardDocuments } from './standard.ts'
import { trim } from './trim.ts'

/** The generated tree by path below `src/generated/`. A pure function of the documents. */
export function generate(): Map<string, string> {
  const loaded = load()
  const methods = methodsOf(loaded)
  const raw = genServer(loaded.map(({ file }) => file))
  // The same types twice: the server's leaves are the libraries' classes, the published client's are plain JSON.
  const server = trim(raw, { BlobRef: '@atproto/lexicon', CID: 'multiformats/cid' })
  const client = trim(raw, { BlobRef: '../../client/json.ts', CID: '../../client/json.ts' })
  return new Map([
    ...server,
    ['lexicons.ts', emitLexicons(loaded)],
    ['methods.ts', emitMethods(methods, '../xrpc/types.ts')],
    ['server.ts', emitServer(methods)],
    ...[...client].map(([file, text]): [string, string] => [`client/${file}`, text]),
    ['client/methods.ts', emitMethods(methods, '../../client/json.ts')],
    ['client/namespaces.ts', emitClient(methods, '../../client/types.ts')],
  ])
}

const differences = (wanted: Map<string, string>): string[] => {
  const present = existsSync(generatedRoot)
    ? files(generatedRoot, '').map((file) => under(generatedRoot, file))
    : []
  return [
    ...present.filter((file) => !wanted.has(file)).map((file) => `src/generated/${file} is not generated`),
    ...[...wanted].flatMap(([file, text]) => {
      if (!present.includes(file)) return [`src/generated/${file} is missing`]
      return readFileSync(path.join(generatedRoot, file), 'utf8') === text
        ? []
        : [`src/generated/${file} differs`]
    }),
  ]
}

function main(check: boolean): void {
  if (!check) {
    writeTree(lexiconRoot, standardDocuments(), (file) => !file.startsWith('com/cirrus/'))
    const contents = generate()
    writeTree(generatedRoot, contents, () => true)
    console.log(`codegen: ${contents.size} files written`)
    return
  }
  const edited = editedDocuments()
  const found = edited.length > 0 ? edited : differences(generate())
  if (found.length === 0) return console.log('codegen: up to date')
  for (const line of found) console.error(`codegen: ${line}`)
  console.error('codegen: run `npm run codegen` and commit the result')
  process.exitCode = 1
}

if (import.meta.main) main(process.argv.includes('--check'))
