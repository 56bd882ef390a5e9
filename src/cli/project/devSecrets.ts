import { join } from 'node:path'
import { toBase64url } from '../../crypto/base64url.ts'
import { hashPassword } from '../../crypto/password.ts'
import { generateKey } from '../../crypto/privateKey.ts'
import { Secret } from '../../crypto/secret.ts'
import { readText, writeSecret } from '../files/files.ts'
import { editDevVars, parseDevVars } from './devVars.ts'

/** The password of every development account. It gives access to this machine only. */
export const DEV_PASSWORD = 'development'

export type DevSecrets = Record<
  'SIGNING_KEY' | 'ADMIN_PASSWORD' | 'PASSWORD_HASH' | 'SESSION_SECRET',
  string
> &
  /** Once `pds rotate-key --dev` was run. */
  { [Name in (typeof ROTATION_NAMES)[number]]?: string }

const ROTATION_NAMES = ['ROTATION_KEY', 'NEXT_SIGNING_KEY'] as const

const WARNING = '# Throw-away keys of `npm run dev`. Never use them anywhere else.\n'

/** The throw-away keys in this folder's .dev.vars, made where there are none yet. */
export async function devSecrets(
  folder: string,
  random: (length: number) => Uint8Array,
): Promise<DevSecrets> {
  const file = join(folder, '.dev.vars')
  const text = (await readText(file)) ?? WARNING
  const kept = parseDevVars(text)
  const { SIGNING_KEY, ADMIN_PASSWORD, PASSWORD_HASH, SESSION_SECRET } = kept
  const secrets = {
    SIGNING_KEY: SIGNING_KEY || (await generateKey(random)).reveal(),
    ADMIN_PASSWORD: ADMIN_PASSWORD || toBase64url(random(18)),
    PASSWORD_HASH: PASSWORD_HASH || (await hashPassword(new Secret(DEV_PASSWORD), random(16))),
    SESSION_SECRET: SESSION_SECRET || toBase64url(random(32)),
  }
  const edited = editDevVars(text, secrets)
  if (edited !== text) await writeSecret(file, edited)
  const rotation = ROTATION_NAMES.flatMap((name) => (kept[name] ? [[name, kept[name]]] : []))
  return { ...secrets, ...Object.fromEntries(rotation) }
}
