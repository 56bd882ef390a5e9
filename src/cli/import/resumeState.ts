import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Session } from '../../client/index.ts'
import { isObject } from '../../isObject.ts'
import { parseOperation } from '../../plc/parse.ts'
import type { Operation } from '../../plc/types.ts'
import { readText, writeSecret } from '../files/files.ts'

/** What an interrupted import saves for the next run. */
export interface SavedProgress {
  /** Whether a run has asked this server to create the account: the answer may have been lost. */
  creating?: boolean | undefined
  /** The owner's session on this server. */
  session?: Session | undefined
  /** The PLC operation that the source has signed; it may not have been submitted yet. */
  operation?: Operation | undefined
}

/** The folder in which an import saves its progress. Only the owner may read the files. */
export interface ResumeState {
  readonly folder: string
  readonly carFile: string
  read(): Promise<SavedProgress>
  /** Saves these values; the others stay. */
  write(changes: SavedProgress): Promise<void>
  clear(): Promise<void>
}

const isSession = (value: unknown): value is Session =>
  isObject(value) &&
  ['did', 'handle', 'accessJwt', 'refreshJwt'].every((name) => typeof value[name] === 'string')

const parse = (text: string | undefined): SavedProgress => {
  try {
    const value: unknown = JSON.parse(text ?? '{}')
    if (!isObject(value)) return {}
    return {
      ...(value['creating'] === true ? { creating: true } : {}),
      ...(isSession(value['session']) ? { session: value['session'] } : {}),
      ...(value['operation'] === undefined ? {} : { operation: parseOperation(value['operation']) }),
    }
  } catch {
    // Everything in the file can be asked for again.
    return {}
  }
}

/** One folder, whatever a server calls itself. */
const folderName = (text: string): string => text.replace(/[^a-z0-9.-]|^\.+|^$/gi, '-')

/**
 * The progress of imports of this account into the server at `origin`, below the folder `root`. What one server has
 * given, a session above all, no other one gets.
 */
export function resumeState(root: string, origin: string, did: string): ResumeState {
  const folder = join(root, '.wrangler', 'import', folderName(new URL(origin).host), folderName(did))
  const file = join(folder, 'kept.json')
  const read = async () => parse(await readText(file))
  return {
    folder,
    carFile: join(folder, 'repo.car'),
    read,
    write: async (changes) =>
      writeSecret(file, `${JSON.stringify({ ...(await read()), ...changes }, null, 2)}\n`),
    clear: () => rm(folder, { recursive: true, force: true }),
  }
}
