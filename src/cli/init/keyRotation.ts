import { generateKey } from '../../crypto/privateKey.ts'
import { Secret } from '../../crypto/secret.ts'
import { loadSigningKey } from '../../signing/keys.ts'
import { editDevVars, removeDevVars } from '../project/devVars.ts'
import { readText, writeSecret } from '../files/files.ts'
import { type KeyFile, type Secrets, writeKeyFile } from './keyFiles.ts'

/** The files that hold the deployment's secrets. */
export interface SecretFiles {
  keyFile: string
  devVarsFile: string
}

/** did:key of a private key in hex. */
export const didOf = async (hex: string): Promise<string> => (await loadSigningKey(new Secret(hex))).did

/** The key file is written first: no key is in use anywhere that it does not have. */
const write = async <K extends KeyFile>(
  { keyFile, devVarsFile }: SecretFiles,
  keys: K,
  edit: (text: string) => string,
): Promise<K> => {
  await writeKeyFile(keyFile, keys)
  await writeSecret(devVarsFile, edit((await readText(devVarsFile)) ?? ''))
  return keys
}

/** Makes the new key, beside the old ones; the old signing key stays the rotation key, unless there is one already. */
export const beginRotation = async (
  files: SecretFiles,
  keys: KeyFile,
  random: (length: number) => Uint8Array,
): Promise<KeyFile & { secrets: Required<Secrets> }> => {
  const { SIGNING_KEY, ROTATION_KEY = SIGNING_KEY } = keys.secrets
  const NEXT_SIGNING_KEY = keys.secrets.NEXT_SIGNING_KEY ?? (await generateKey(random)).reveal()
  const secrets = { ...keys.secrets, ROTATION_KEY, NEXT_SIGNING_KEY }
  const added = { ROTATION_KEY, NEXT_SIGNING_KEY }
  return await write(files, { ...keys, secrets }, (text) => editDevVars(text, added))
}

/** The new key becomes SIGNING_KEY; the old one is kept among the former ones, whether or not it is the rotation key. */
export const finishRotation = async (files: SecretFiles, keys: KeyFile): Promise<KeyFile> => {
  // Without it the key file was written by a run that died before .dev.vars.
  const { NEXT_SIGNING_KEY = keys.secrets.SIGNING_KEY, ...secrets } = keys.secrets
  const former = [...(keys.formerSigningKeys ?? []), secrets.SIGNING_KEY].filter(
    (key) => key !== NEXT_SIGNING_KEY,
  )
  const finished: KeyFile = {
    ...keys,
    signingKey: await didOf(NEXT_SIGNING_KEY),
    secrets: { ...secrets, SIGNING_KEY: NEXT_SIGNING_KEY },
    formerSigningKeys: [...new Set(former)],
    unfinishedRotation: true,
  }
  return await write(files, finished, (text) =>
    removeDevVars(editDevVars(text, { SIGNING_KEY: NEXT_SIGNING_KEY }), ['NEXT_SIGNING_KEY']),
  )
}

/** The Worker has the new key as SIGNING_KEY, too. */
export const closeRotation = async (files: SecretFiles, keys: KeyFile): Promise<void> => {
  const { unfinishedRotation: _, ...rest } = keys
  await writeKeyFile(files.keyFile, rest)
}
