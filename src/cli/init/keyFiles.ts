import { appendFile, chmod, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isObject, type JsonObject } from '../../isObject.ts'
import { parseOperation } from '../../plc/parse.ts'
import type { Operation } from '../../plc/types.ts'
import { CliError } from '../errors.ts'
import { isNoSuchFile, readText, writeSecret, writeAtomically } from '../files/files.ts'
import { readJsonObject } from '../files/readJsonObject.ts'

/** The secrets in .dev.vars, which are also those of the deployed Worker. */
export const SECRET_NAMES = ['SIGNING_KEY', 'ADMIN_PASSWORD', 'PASSWORD_HASH', 'SESSION_SECRET'] as const
export type Secrets = Record<(typeof SECRET_NAMES)[number], string> & {
  ROTATION_KEY?: string
  /** Only while `pds rotate-key` is under way. */
  NEXT_SIGNING_KEY?: string
}

/** The content of the key file, the owner's copy of every key and password: a Worker's secrets cannot be read back. */
export interface KeyFile {
  did: string
  handle: string
  hostname: string
  /** did:key of the signing key. */
  signingKey: string
  secrets: Secrets
  /** Only if `pds init` generated it. */
  accountPassword?: string
  /** Signing keys that `pds rotate-key` has replaced, oldest first: backups and old commits are signed with them. */
  formerSigningKeys?: string[]
  /** The new key is in the files, and perhaps not yet SIGNING_KEY of the Worker. */
  unfinishedRotation?: boolean
  /** The operation that created the DID. */
  genesis?: Operation
}

const fileSafe = (handle: string): string => handle.replace(/[^a-z0-9.-]/gi, '-')
/** Where `pds init` writes the key file. */
export const keyFilePath = (root: string, handle: string): string =>
  join(root, `cirrus-keys-${fileSafe(handle)}.json`)
/** Where `pds init` writes the recovery key. */
export const recoveryFilePath = (root: string, handle: string): string =>
  join(root, `cirrus-recovery-key-${fileSafe(handle)}.json`)

const readJson = (file: string): Promise<JsonObject | undefined> => readJsonObject(file, 'pds init')

const stringIn = (value: JsonObject, name: string): string =>
  typeof value[name] === 'string' ? value[name] : ''

const optional = <Name extends string>(value: JsonObject, name: Name): { [N in Name]?: string } => {
  const text = stringIn(value, name)
  return text === '' ? {} : ({ [name]: text } as { [N in Name]: string })
}

/** The key file of an account, whatever its handle was when the file was written. */
export async function findKeyFile(
  root: string,
  did: string,
): Promise<{ file: string; keys: KeyFile } | undefined> {
  const names = (await readdir(root)).filter((name) => /^cirrus-keys-[^/]*\.json$/.test(name)).toSorted()
  for (const name of names) {
    const file = join(root, name)
    const keys = await readKeyFile(file)
    if (keys?.did === did) return { file, keys }
  }
  return undefined
}

/** The key file of an account: the one with its handle, otherwise one that was written when it had another. */
export async function keyFileOf(
  root: string,
  { did, handle }: { did: string; handle: string },
): Promise<{ file: string; keys: KeyFile } | undefined> {
  const file = keyFilePath(root, handle)
  const keys = await readKeyFile(file)
  return keys ? { file, keys } : await findKeyFile(root, did)
}

/** The key file; undefined if there is none. */
export async function readKeyFile(file: string): Promise<KeyFile | undefined> {
  const found = await readJson(file)
  if (!found) return undefined
  const secrets = isObject(found['secrets']) ? found['secrets'] : {}
  const missing = SECRET_NAMES.filter((name) => stringIn(secrets, name) === '')
  if (missing.length > 0) throw new CliError('bad-config', `${file} lacks ${missing.join(', ')}`)
  return {
    did: stringIn(found, 'did'),
    handle: stringIn(found, 'handle'),
    hostname: stringIn(found, 'hostname'),
    signingKey: stringIn(found, 'signingKey'),
    secrets: {
      SIGNING_KEY: stringIn(secrets, 'SIGNING_KEY'),
      ADMIN_PASSWORD: stringIn(secrets, 'ADMIN_PASSWORD'),
      PASSWORD_HASH: stringIn(secrets, 'PASSWORD_HASH'),
      SESSION_SECRET: stringIn(secrets, 'SESSION_SECRET'),
      ...optional(secrets, 'ROTATION_KEY'),
      ...optional(secrets, 'NEXT_SIGNING_KEY'),
    },
    ...(Array.isArray(found['formerSigningKeys'])
      ? { formerSigningKeys: found['formerSigningKeys'].map(String) }
      : {}),
    ...(found['unfinishedRotation'] === true ? { unfinishedRotation: true } : {}),
    ...(stringIn(found, 'accountPassword') ? { accountPassword: stringIn(found, 'accountPassword') } : {}),
    ...(found['genesis'] === undefined ? {} : { genesis: parseOperation(found['genesis']) }),
  }
}

const KEY_FILE_NOTE =
  'Keys of a Cirrus, written by pds init. Anyone who has this file has the account. Keep a copy off this machine.'
export const writeKeyFile = (file: string, keys: KeyFile): Promise<void> =>
  writeSecret(file, `${JSON.stringify({ what: KEY_FILE_NOTE, ...keys }, null, 2)}\n`)

const IGNORED_FILES = ['.dev.vars', '.wrangler/', 'cirrus-keys-*.json', 'cirrus-recovery-key-*.json']

/** Adds the key files to .gitignore, so that they are not committed by accident. */
export async function ignoreKeys(root: string): Promise<void> {
  const file = join(root, '.gitignore')
  const lines = ((await readText(file)) ?? '').split(/\r?\n/).map((line) => line.trim())
  const missing = IGNORED_FILES.filter((name) => !lines.includes(name))
  if (missing.length === 0) return
  const block = `# Keys of pds init: never committed.\n${missing.join('\n')}\n`
  const gap = lines.at(-1) === '' || lines.length === 1 ? '' : '\n'
  if (lines.length === 1 && lines[0] === '') await writeAtomically(file, block)
  else await appendFile(file, gap + block)
}

/** Lets only its owner read and write a file, which may have been created with wider rights. */
export async function restrictToOwner(file: string): Promise<void> {
  try {
    await chmod(file, 0o600)
  } catch (cause) {
    if (!isNoSuchFile(cause)) throw cause
  }
}
