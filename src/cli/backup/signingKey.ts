import { KeyError } from '../../crypto/errors.ts'
import { newId } from '../../crypto/newId.ts'
import { loadSigningKey, type SigningKey } from '../../signing/keys.ts'
import { CREATE_ACCOUNT } from '../../signing/migrationToken.ts'
import { Secret } from '../../crypto/secret.ts'
import type { Context } from '../command.ts'
import type { Status } from '../servers/status.ts'
import { didWeb } from '../servers/didWeb.ts'
import { CliError } from '../errors.ts'
import { keyFileOf } from '../init/keyFiles.ts'
import type { Archive } from '../../archive/openArchive.ts'
import { knownPassphrase, PASSPHRASE_VAR } from './backupKeys.ts'
import { orArchiveError } from './openBackup.ts'
import type { RestoredAccount } from './restoredAccount.ts'

const SIGNING_KEY_VAR = 'SIGNING_KEY'
const TOKEN_LIFETIME_S = 60

const load = async (foundIn: string, hex: string): Promise<SigningKey> => {
  try {
    return await loadSigningKey(new Secret(hex))
  } catch (cause) {
    if (!(cause instanceof KeyError)) throw cause
    throw new CliError('bad-config', `${foundIn}: ${cause.message}`, { cause })
  }
}

/**
 * The signing keys that are on this machine, each with the place where it was found. As for ADMIN_PASSWORD, the files
 * of the folder are not used for a host that wrangler.toml does not name.
 */
const candidates = async (
  { project, globals, io, address }: Context,
  account: Pick<Status, 'did' | 'handle'>,
) => {
  const own = project && address().isProjectServer ? project : undefined
  const { file = '', keys } = (own && (await keyFileOf(own.root, account))) ?? {}
  const found: [foundIn: string, hex: string | undefined][] = [
    ['the keys of `npm run dev`', globals.dev ? project?.devServerVars[SIGNING_KEY_VAR] : undefined],
    [SIGNING_KEY_VAR, io.env[SIGNING_KEY_VAR]],
    ['.dev.vars', own?.devVars[SIGNING_KEY_VAR]],
    [file, keys?.secrets.SIGNING_KEY],
    // The DID names it already if `pds rotate-key` was interrupted.
    [file, keys?.secrets.NEXT_SIGNING_KEY],
  ]
  return found.flatMap(([foundIn, hex]) => (hex ? [[foundIn, hex] as const] : []))
}

/** The signing keys that are on this machine, as `candidates` finds them. */
export const machineKeys = async (
  context: Context,
  account: Pick<Status, 'did' | 'handle'>,
): Promise<SigningKey[]> =>
  Promise.all((await candidates(context, account)).map(([foundIn, hex]) => load(foundIn, hex)))

/** The signing key in the backup, which opens with its passphrase. Asked for only if there is someone to ask. */
export const archivedKey = async (context: Context, archive: Archive): Promise<SigningKey | undefined> => {
  const mayAsk = context.io.stdin.isTTY || context.io.env[PASSPHRASE_VAR]
  if (!archive.hasSecrets || !mayAsk) return undefined
  const passphrase = await knownPassphrase(context, 'Passphrase of the keys in the backup')
  const { signingKey } = await orArchiveError(archive.secrets(passphrase))
  return await load('the keys in the backup', signingKey.reveal())
}

/**
 * The signing key that the DID names, from the environment, .dev.vars, the key file or the backup. With it
 * `signAccountToken` can ask a new server to accept the account.
 */
export async function findSigningKey(
  context: Context,
  { did, handle, identity }: Status,
  archive: Archive,
): Promise<SigningKey> {
  const others: string[] = []
  for (const [foundIn, hex] of await candidates(context, { did, handle })) {
    const key = await load(foundIn, hex)
    if (key.did === identity.signingKey) return key
    others.push(`${foundIn} has ${key.did}`)
  }
  const inBackup = identity.movedAway ? undefined : await archivedKey(context, archive)
  if (inBackup && inBackup.did === identity.signingKey) return inBackup
  if (inBackup) others.push(`the backup has ${inBackup.did}`)
  if (identity.movedAway)
    throw new CliError(
      'did-elsewhere',
      `${did} names ${identity.pds ?? 'no PDS'} and a key that is not here`,
      {
        next: `to move the account back from there: \`pds import --from ${identity.pds ?? '<host>'}\`; if that server is gone, have your recovery key sign an operation that names this server and its key, then run the same command again`,
      },
    )
  throw new CliError(
    'no-signing-key',
    `${did} names the signing key ${identity.signingKey ?? '(none)'}, and it is not here${others.length > 0 ? `: ${others.join(', ')}` : ''}`,
    archive.hasSecrets
      ? {
          next: `give the passphrase of the keys in the backup as ${PASSPHRASE_VAR}, or run the command in a terminal`,
        }
      : {},
  )
}

/** Signs a service-auth token for createAccount on this server, with the account's own key. */
export function signAccountToken({ io }: Context, here: RestoredAccount, key: SigningKey): Promise<string> {
  // The server names the audience itself. It must name its own host, or the token would open the account elsewhere.
  const { host } = new URL(here.origin)
  if (here.serviceDid !== didWeb(host))
    throw new CliError(
      'not-cirrus',
      `${here.origin} says that it is ${here.serviceDid}, which is another host`,
    )
  const iat = Math.floor(io.now() / 1000)
  return key.signServiceToken({
    iss: here.did,
    aud: here.serviceDid,
    iat,
    exp: iat + TOKEN_LIFETIME_S,
    lxm: CREATE_ACCOUNT,
    jti: newId(io.random),
  })
}
