/** A copy of what the generator reads and writes, for tests that damage it. */
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '../..')

interface Run {
  code: number | null
  output: string
}

export interface Copy {
  read(file: string): string
  write(file: string, text: string): void
  remove(file: string): void
  /** Runs `codegen`, e.g. with `--check`; its exit code and what it printed. */
  codegen(...args: string[]): Run
  /** Type-checks the copy. It takes `EVERYTHING`. */
  tsc(): Run
  [Symbol.dispose](): void
}

const GENERATOR = [
  'codegen',
  'lexicons',
  'src/generated',
  'src/pages/assets',
  'src/policy.ts',
  'docs/endpoints.md',
  'README.md',
  'package.json',
]

/** All that `tsc` reads. */
export const EVERYTHING = [
  ...['codegen', 'lexicons', 'src', 'dev', 'test', 'bench', 'demo', 'scripts', 'docs'],
  ...readdirSync(root).filter((file) => /\.(ts|json|toml|md)$/.test(file)),
]

export function copy(sources: string[] = GENERATOR): Copy {
  const folder = mkdtempSync(path.join(tmpdir(), 'cirrus-codegen-test-'))
  for (const source of sources)
    cpSync(path.join(root, source), path.join(folder, source), {
      recursive: true,
      filter: (file) => path.basename(file) !== 'node_modules',
    })
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'))
  const at = (file: string): string => path.join(folder, file)
  const run = (...args: string[]): Run => {
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })
    return { code: status, output: stdout + stderr }
  }
  return {
    read: (file) => readFileSync(at(file), 'utf8'),
    write: (file, text) => {
      mkdirSync(path.dirname(at(file)), { recursive: true })
      writeFileSync(at(file), text)
    },
    remove: (file) => rmSync(at(file)),
    codegen: (...args) => run(at('codegen/main.ts'), ...args),
    tsc: () => run(at('node_modules/typescript/bin/tsc'), '-p', folder, '--pretty', 'false'),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}
