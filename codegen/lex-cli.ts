import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { files, lexiconRoot, root, under } from './files.ts'

/**
 * The output of lex-cli's `gen-server` by path: `types/**`, `lexicons.ts`, `util.ts`, and an `index.ts` that we do not
 * use. lex-cli is a program, not a library, so it writes into a temporary folder.
 */
export function genServer(documents: string[]): Map<string, string> {
  const out = mkdtempSync(path.join(tmpdir(), 'cirrus-codegen-'))
  try {
    const inputs = documents.map((file) => path.join(lexiconRoot, file))
    execFileSync(
      process.execPath,
      [path.join(root, 'node_modules/@atproto/lex-cli/bin.js'), 'gen-server', '--yes', out, ...inputs],
      { stdio: 'pipe' },
    )
    return new Map(files(out, '.ts').map((file) => [under(out, file), readFileSync(file, 'utf8')]))
  } finally {
    rmSync(out, { recursive: true, force: true })
  }
}
