import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'

export const root = path.resolve(import.meta.dirname, '..')
export const lexiconRoot = path.join(root, 'lexicons')
export const generatedRoot = path.join(root, 'src/generated')

/** The paths of all files below a folder whose names end so, sorted, so that every run has the same order. */
export const files = (folder: string, ending: string): string[] =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .toSorted()

/** A path relative to a folder, with forward slashes. */
export const under = (folder: string, file: string): string =>
  path.relative(folder, file).split(path.sep).join('/')

/** Writes files into a folder, by their paths below it, and removes those that are `owned` and not in `contents`. */
export function writeTree(
  folder: string,
  contents: Map<string, string>,
  owned: (file: string) => boolean,
): void {
  mkdirSync(folder, { recursive: true })
  for (const file of files(folder, ''))
    if (owned(under(folder, file)) && !contents.has(under(folder, file))) rmSync(file)
  for (const [file, text] of contents) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true })
    writeFileSync(path.join(folder, file), text)
  }
}
