import { existsSync } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { sleep } from '../../client/retry.ts'
import { folderStore } from '../../mover/folderStore.ts'
import { openJournal } from '../../mover/journal.ts'
import type { MoveStore } from '../../mover/moveStore.ts'
import type { MoverDeps } from '../../mover/moverDeps.ts'
import type { Context } from '../command.ts'

/** What the engine takes from its surroundings. */
export const moverDeps = (
  { io }: Pick<Context, 'io'>,
  { directoryUrl, dev }: Pick<MoverDeps, 'directoryUrl' | 'dev'>,
): MoverDeps => ({
  fetch: io.fetch,
  cleanUpFetch: io.cleanUpFetch,
  now: () => io.now(),
  random: (length) => io.random(length),
  wait: sleep,
  signal: io.signal,
  directoryUrl,
  dev,
})

/** One folder, whatever a server calls itself. */
const folderName = (text: string): string => text.replace(/[^a-z0-9.-]|^\.+|^$/gi, '-')

/** The folder in which a move keeps its journal: one for each account and each target. */
export const moveFolder = (root: string, target: string, did: string): string =>
  join(root, '.pds-move', folderName(new URL(target).host), folderName(did))

/**
 * Opens the folder of a move, below the deployment's folder if there is one, and else below the current one. Git leaves
 * it alone: it holds a signed operation.
 */
export async function openMoveStore(
  { io, project }: Pick<Context, 'io' | 'project'>,
  target: string,
  did: string,
): Promise<MoveStore> {
  const folder = moveFolder(project?.root ?? io.cwd, target, did)
  const store = await folderStore(folder, () => io.now())
  await writeFile(join(dirname(dirname(folder)), '.gitignore'), '*\n')
  return store
}

/** The DID that an earlier move to this target has found for a handle: the old server may no longer answer for it. */
export async function movedBefore(
  { io, project }: Pick<Context, 'io' | 'project'>,
  target: string,
  handle: string,
): Promise<string | undefined> {
  const root = project?.root ?? io.cwd
  const folder = dirname(moveFolder(root, target, 'did'))
  for (const name of existsSync(folder) ? await readdir(folder) : []) {
    const store = await folderStore(join(folder, name), () => io.now())
    const { move } = (await openJournal(store, () => io.now())).state
    if (move?.to === target && move.handle === handle) return move.did
  }
  return undefined
}

/** The owner's rotation keys that wrangler.toml names. */
export const configuredKeys = ({ project }: Pick<Context, 'project'>): string[] =>
  (project?.vars['RECOVERY_KEYS'] ?? '').split(/[\s,]+/).filter(Boolean)
