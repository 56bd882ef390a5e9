import { readdir } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import {
  type ArchiveIndex,
  BLOBS_FOLDER,
  INCOMING_FOLDER,
  INDEX_FILE,
  type IndexedFile,
  isUnfinishedIndex,
} from './archiveIndex.ts'
import type { Finding } from './finding.ts'
import { sha256File } from './sha256File.ts'

/** What file managers leave in every folder. */
const IGNORED = /^(\.DS_Store|Thumbs\.db|desktop\.ini|\._.*)$/

/** The lines of SHA256SUMS, as `sha256sum -c` reads them in the folder of the state. */
export const formatSums = (state: string, files: readonly IndexedFile[]): string =>
  files
    .map(({ path, sha256 }) => {
      const name = path.startsWith(`${state}/`) ? path.slice(state.length + 1) : `../${path}`
      return `${sha256}  ${name}\n`
    })
    .join('')

export interface CheckedFiles {
  findings: Finding[]
  /** What a backup that did not finish has left. The next one uses it, or deletes it. */
  leftovers: string[]
}

/** Compares every file with its line in the index, and looks for files that no line names. */
export const checkFiles = async (
  folder: string,
  index: ArchiveIndex,
  { signal, onBytes = () => {} }: { signal?: AbortSignal; onBytes?: (count: number) => void } = {},
): Promise<CheckedFiles> => {
  const findings: Finding[] = []
  for (const { path, size, sha256 } of index.files) {
    signal?.throwIfAborted()
    const found = await sha256File(join(folder, path), onBytes)
    if (!found) findings.push({ file: path, problem: 'missing', detail: 'it is missing' })
    else if (found.size !== size)
      findings.push({
        file: path,
        problem: 'wrong',
        detail: `it has ${found.size} bytes, and ${size} when it was written`,
      })
    else if (found.sha256 !== sha256)
      findings.push({
        file: path,
        problem: 'wrong',
        detail: `its sha-256 is ${found.sha256}, and was ${sha256} when it was written`,
      })
  }
  const known = new Set([INDEX_FILE, ...index.files.map(({ path }) => path)])
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const unknown = entries
    .filter((entry) => !entry.isDirectory() && !IGNORED.test(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((path) => !known.has(path))
    .toSorted()
  const isUnderWay = entries.some((entry) => entry.isDirectory() && entry.name === INCOMING_FOLDER)
  const mayBeLeft = (path: string) =>
    path.startsWith(`${INCOMING_FOLDER}/`) ||
    (isUnderWay &&
      (isUnfinishedIndex(path) || path.startsWith('state-') || path.startsWith(`${BLOBS_FOLDER}/`)))
  for (const path of unknown.filter((path) => !mayBeLeft(path)))
    findings.push({ file: path, problem: 'extra', detail: 'it is not of this archive' })
  return { findings, leftovers: unknown.filter(mayBeLeft) }
}
