/** What `npm run dev` keeps between two runs, below `.wrangler/dev`, besides its keys: an account, the directory's log. */
import { join } from 'node:path'
import { readText, writeSecret } from '../src/cli/files/files.ts'
import { createPlcAccount, type PlcAccount } from './account.ts'

const isAccount = (value: unknown): value is PlcAccount =>
  typeof value === 'object' &&
  value !== null &&
  ['did', 'handle', 'plcUrl', 'signingKey'].every((name) => typeof Reflect.get(value, name) === 'string')

/** The account of the last run if it has these keys and addresses, otherwise a new one that is registered. */
export async function devAccount(
  folder: string,
  options: {
    plcUrl: string
    port: number
    handle: string
    signingKey: string
    rotationKey?: string | undefined
  },
): Promise<PlcAccount> {
  const { plcUrl, port, handle, signingKey, rotationKey } = options
  const file = join(folder, `account-${port}.json`)
  const kept: unknown = JSON.parse((await readText(file)) ?? 'null')
  if (isAccount(kept) && [signingKey, rotationKey].includes(kept.signingKey) && kept.handle === handle) {
    const known = await fetch(`${plcUrl}/${kept.did}`)
    await known.body?.cancel()
    if (known.ok) return { ...kept, signingKey, plcUrl }
  }
  const account = await createPlcAccount({ plcUrl, port, handle, signingKey })
  await writeSecret(file, `${JSON.stringify(account, null, 2)}\n`)
  return account
}
