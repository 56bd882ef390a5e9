import { KeyError } from '../../crypto/errors.ts'
import { newId } from '../../crypto/newId.ts'
import { loadSigningKey, type SigningKey } from '../../signing/keys.ts'
import { CREATE_ACCOUNT } from '../../signing/migrationToken.ts'
import { Secret } from '../../crypto/secret.ts'
import type { Context } from '../command.ts'
import type { Status } from '../status.ts'
import { didWeb } from '../didWeb.ts'
import { CliError } from '../errors.ts'
import { keyFileName, readKeyFile } from '../init/keyFiles.ts'
import { plain } from '../output.ts'
import type { Here } from './account.ts'

const KEY_NAME = 'SIGNING_KEY'
const TOKEN_LIFETIME_S = 60

const load = async (origin: string, hex: string): Promise<SigningKey> => {
  try {
    return await loadSigningKey(new Secret(hex))
  } catch (cause) {
    if (!(cause instanceof KeyError)) throw cause
    throw new CliError('bad-config', `${origin}: ${cause.message}`, { cause })
  }
}

/**
 * The keys that are here, each with where it comes from. As for ADMIN_PASSWORD, the files of the folder are not used for
 * a host that wrangler.toml does not name.
 */
const candidates = async ({ project, globals, io, where }: Context, handle: string) => {
  const file = project && where().own ? keyFileName(project.root, handle) : undefined
  const found: [origin: string, hex: string | undefined][] = [
    ['the keys of `npm run dev`', globals.dev ? project?.devServerVars[KEY_NAME] : undefined],
    [KEY_NAME, io.env[KEY_NAME]],
    ['.dev.vars', file && project?.devVars[KEY_NAME]],
    [file ?? '', file && (await readKeyFile(file))?.secrets.SIGNING_KEY],
  ]
  return found.flatMap(([origin, hex]) => (hex ? [[origin, hex] as const] : []))
}

/**
 * The signing key that the DID names, from the environment, .dev.vars or the key file. With it the account asks its
 * owner's new server to accept it.
 */
export async function findSigningKey(
  context: Context,
  { did, handle, identity }: Status,
): Promise<SigningKey> {
  const others: string[] = []
  for (const [origin, hex] of await candidates(context, handle)) {
    const key = await load(origin, hex)
    if (key.did === identity.signingKey) return key
    others.push(`${origin} has ${key.did}`)
  }
  if (identity.movedAway)
    throw new CliError(
      'did-elsewhere',
      `${did} names ${plain(identity.pds ?? 'no PDS')} and a key that is not here`,
      {
        next: `to move the account back from there: \`pds import --from ${plain(identity.pds ?? '<host>')}\`; if that server is gone, have your recovery key sign an operation that names this server and its key, then run the same command again`,
      },
    )
  throw new CliError(
    'no-signing-key',
    `${did} names the signing key ${identity.signingKey ?? '(none)'}, and it is not here${others.length > 0 ? `: ${others.join(', ')}` : ''}`,
  )
}

/** A service-auth token for createAccount on the owner's own server, signed with the account's key. */
export function signAccountToken({ io }: Context, here: Here, key: SigningKey): Promise<string> {
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
