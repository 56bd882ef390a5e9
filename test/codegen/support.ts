/** A copy of what the generator reads and writes, to break things in. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '../..')

export interface Copy {
  read(file: string): string
  write(file: string, text: string): void
  remove(file: string): void
  /** Runs `codegen`, e.g. with `--check`; its exit code and what it printed. */
  codegen(...args: string[]): { code: number | null; output: string }
  [Symbol.dispose](): void
}

export function copy(): Copy {
  const folder = mkdtempSync(path.join(tmpdir(), 'cirrus-codegen-test-'))
  for (const part of [
    'codegen',
    'lexicons',
    'src/generated',
    'src/policy.ts',
    'docs/endpoints.md',
    'README.md',
    'package.json',
  ])
    cpSync(path.join(root, part), path.join(folder, part), { recursive: true })
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'))
  const at = (file: string): string => path.join(folder, file)
  return {
    read: (file) => readFileSync(at(file), 'utf8'),
    write: (file, text) => {
      mkdirSync(path.dirname(at(file)), { recursive: true })
      writeFileSync(at(file), text)
    },
    remove: (file) => rmSync(at(file)),
    codegen: (...args) => {
      const run = spawnSync(process.execPath, [at('codegen/main.ts'), ...args], { encoding: 'utf8' })
      return { code: run.status, output: run.stdout + run.stderr }
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}
