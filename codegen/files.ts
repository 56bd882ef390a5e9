/** Paths, and the little that the generator needs of the file system. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'

export const root = path.resolve(import.meta.dirname, '..')
export const lexiconRoot = path.join(root, 'lexicons')
export const generatedRoot = path.join(root, 'src/generated')

/** All files below a folder with this ending, sorted, so that every run sees the same order. */
export const files = (folder: string, ending: string): string[] =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .toSorted()

/** A path relative to a folder, with forward slashes. */
export const under = (folder: string, file: string): string =>
  path.relative(folder, file).split(path.sep).join('/')

/** Writes a tree of files: those that are not in `contents` and match `owned` are removed. */
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
