import { join } from 'node:path'
import { isObject, type JsonObject } from '../../isObject.ts'
import { parseOperation } from '../../plc/parse.ts'
import type { Operation } from '../../plc/types.ts'
import { CliError } from '../errors.ts'
import { isMissing, readText, writeSecret, writeWhole } from '../files.ts'
import { appendFile, chmod } from 'node:fs/promises'

/** The secrets in .dev.vars, which are also those of the deployed Worker. */
export const SECRETS = ['SIGNING_KEY', 'ADMIN_PASSWORD', 'PASSWORD_HASH', 'SESSION_SECRET'] as const
export type Secrets = Record<(typeof SECRETS)[number], string> & { ROTATION_KEY?: string }

/** The owner's copy of every key and password: a Worker's secrets cannot be read back. */
export interface KeyFile {
  did: string
  handle: string
  hostname: string
  /** did:key of the signing key. */
  signingKey: string
  secrets: Secrets
  /** Only if `pds init` generated it. */
  accountPassword?: string
  /** The operation that created the DID. */
  genesis?: Operation
}

/** The recovery key, in a file of its own: with it the owner can undo what Cirrus’s key did. */
export interface RecoveryFile {
  did: string
  privateKey: string
}

const safe = (handle: string): string => handle.replace(/[^a-z0-9.-]/gi, '-')
/** Where `pds init` writes the key file. */
export const keyFileName = (root: string, handle: string): string =>
  join(root, `cirrus-keys-${safe(handle)}.json`)
/** Where `pds init` writes the recovery key. */
export const recoveryFileName = (root: string, handle: string): string =>
  join(root, `cirrus-recovery-key-${safe(handle)}.json`)

const read = async (file: string): Promise<JsonObject | undefined> => {
  const text = await readText(file)
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    if (isObject(value)) return value
  } catch {
    // The error below says so, without the content.
  }
  throw new CliError('bad-config', `${file} is not the JSON that pds init wrote`, {
    next: 'move it away, or restore it from your backup; do not delete keys that are in use',
  })
}

const text = (value: JsonObject, name: string): string => (typeof value[name] === 'string' ? value[name] : '')

/** The key file; undefined if there is none. */
export async function readKeyFile(file: string): Promise<KeyFile | undefined> {
  const found = await read(file)
  if (!found) return undefined
  const secrets = isObject(found['secrets']) ? found['secrets'] : {}
  const missing = SECRETS.filter((name) => text(secrets, name) === '')
  if (missing.length > 0) throw new CliError('bad-config', `${file} lacks ${missing.join(', ')}`)
  return {
    did: text(found, 'did'),
    handle: text(found, 'handle'),
    hostname: text(found, 'hostname'),
    signingKey: text(found, 'signingKey'),
    secrets: {
      SIGNING_KEY: text(secrets, 'SIGNING_KEY'),
      ADMIN_PASSWORD: text(secrets, 'ADMIN_PASSWORD'),
      PASSWORD_HASH: text(secrets, 'PASSWORD_HASH'),
      SESSION_SECRET: text(secrets, 'SESSION_SECRET'),
      ...(text(secrets, 'ROTATION_KEY') ? { ROTATION_KEY: text(secrets, 'ROTATION_KEY') } : {}),
    },
    ...(text(found, 'accountPassword') ? { accountPassword: text(found, 'accountPassword') } : {}),
    ...(found['genesis'] === undefined ? {} : { genesis: parseOperation(found['genesis']) }),
  }
}

/** The file of the recovery key; undefined if there is none. */
export async function readRecoveryFile(file: string): Promise<RecoveryFile | undefined> {
  const found = await read(file)
  return found && { did: text(found, 'did'), privateKey: text(found, 'privateKey') }
}

const KEY_FILE_NOTE =
  'Keys of a Cirrus, written by pds init. Anyone who has this file has the account. Keep a copy off this machine.'
const RECOVERY_FILE_NOTE =
  'The recovery key of a DID: within 72 hours it can undo what any other key did. Keep it apart from everything else, and delete it here.'

export const writeKeyFile = (file: string, keys: KeyFile): Promise<void> =>
  writeSecret(file, `${JSON.stringify({ what: KEY_FILE_NOTE, ...keys }, null, 2)}\n`)

export const writeRecoveryFile = (file: string, recovery: RecoveryFile): Promise<void> =>
  writeSecret(file, `${JSON.stringify({ what: RECOVERY_FILE_NOTE, type: 'k256', ...recovery }, null, 2)}\n`)

const IGNORED = ['.dev.vars', '.wrangler/', 'cirrus-keys-*.json', 'cirrus-recovery-key-*.json']

/** Adds the key files to .gitignore, so that they are not committed by accident. */
export async function ignoreKeys(root: string): Promise<void> {
  const file = join(root, '.gitignore')
  const lines = ((await readText(file)) ?? '').split(/\r?\n/).map((line) => line.trim())
  const missing = IGNORED.filter((name) => !lines.includes(name))
  if (missing.length === 0) return
  const block = `# Keys of pds init: never committed.\n${missing.join('\n')}\n`
  const gap = lines.at(-1) === '' || lines.length === 1 ? '' : '\n'
  if (lines.length === 1 && lines[0] === '') await writeWhole(file, block)
  else await appendFile(file, gap + block)
}

/** Takes the rights of others away from a file, which may have been created with wider rights. */
export async function ownerOnly(file: string): Promise<void> {
  try {
    await chmod(file, 0o600)
  } catch (cause) {
    if (!isMissing(cause)) throw cause
  }
}
