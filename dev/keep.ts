/** What `npm run dev` keeps between two runs, below `.wrangler/dev`: temporary keys, an account, the directory's log. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { editDevVars, parseDevVars } from '../src/cli/project/devVars.ts'
import { readText, writeSecret } from '../src/cli/files/files.ts'
import { hashPassword } from '../src/crypto/password.ts'
import { Secret } from '../src/crypto/secret.ts'
import { createPlcAccount, newKey, type PlcAccount } from './account.ts'

export const SECRET_NAMES = ['SIGNING_KEY', 'ADMIN_PASSWORD', 'PASSWORD_HASH', 'SESSION_SECRET'] as const
export type DevSecrets = Record<(typeof SECRET_NAMES)[number], string>

/** The password of every development account. It gives access to this machine only. */
export const PASSWORD = 'development'

const WARNING = '# Throw-away keys of `npm run dev`. Never use them anywhere else.\n'

/** The keys of the last run, or new ones on the first run. */
export async function devSecrets(folder: string): Promise<DevSecrets> {
  const file = join(folder, '.dev.vars')
  const text = (await readText(file)) ?? WARNING
  const { SIGNING_KEY, ADMIN_PASSWORD, PASSWORD_HASH, SESSION_SECRET } = parseDevVars(text)
  const secrets = {
    SIGNING_KEY: SIGNING_KEY || (await newKey()).hex,
    ADMIN_PASSWORD: ADMIN_PASSWORD || randomBytes(18).toString('base64url'),
    PASSWORD_HASH: PASSWORD_HASH || (await hashPassword(new Secret(PASSWORD), randomBytes(16))),
    SESSION_SECRET: SESSION_SECRET || randomBytes(32).toString('base64url'),
  }
  const edited = editDevVars(text, secrets)
  if (edited !== text) await writeSecret(file, edited)
  return secrets
}

const isAccount = (value: unknown): value is PlcAccount =>
  typeof value === 'object' &&
  value !== null &&
  ['did', 'handle', 'plcUrl', 'signingKey'].every((name) => typeof Reflect.get(value, name) === 'string')

/** The account of the last run if it has these keys and addresses, otherwise a new one that is registered. */
export async function devAccount(
  folder: string,
  options: { plcUrl: string; port: number; handle: string; signingKey: string },
): Promise<PlcAccount> {
  const { plcUrl, port, handle, signingKey } = options
  const file = join(folder, `account-${port}.json`)
  const kept: unknown = JSON.parse((await readText(file)) ?? 'null')
  if (isAccount(kept) && kept.signingKey === signingKey && kept.handle === handle) {
    const known = await fetch(`${plcUrl}/${kept.did}`)
    await known.body?.cancel()
    if (known.ok) return { ...kept, plcUrl }
  }
  const account = await createPlcAccount({ plcUrl, port, handle, signingKey })
  await writeSecret(file, `${JSON.stringify(account, null, 2)}\n`)
  return account
}
