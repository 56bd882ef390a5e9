/** The account's signing key, where the owner has it: with it the account asks its own new server to take it in. */
import { KeyError } from '../../crypto/errors.ts'
import { newId } from '../../crypto/newId.ts'
import { loadSigningKey, type SigningKey } from '../../signing/keys.ts'
import { CREATE_ACCOUNT } from '../../signing/migrationToken.ts'
import { Secret } from '../../crypto/secret.ts'
import type { Context } from '../command.ts'
import type { Status } from '../status.ts'
import { CliError } from '../errors.ts'
import { keyFileName, readKeyFile } from '../init/keyFiles.ts'
import { plain } from '../output.ts'
import type { Here } from './account.ts'

const KEY_NAME = 'SIGNING_KEY'
/** Seconds. */
const TOKEN_LIFETIME_S = 60

const load = async (place: string, hex: string): Promise<SigningKey> => {
  try {
    return await loadSigningKey(new Secret(hex))
  } catch (cause) {
    if (!(cause instanceof KeyError)) throw cause
    throw new CliError('bad-config', `${place}: ${cause.message}`, { cause })
  }
}

/** As for ADMIN_PASSWORD: to a host that wrangler.toml does not name, the files of the folder give nothing. */
const candidates = async ({ project, globals, io, where }: Context, handle: string) => {
  const file = project && where().own ? keyFileName(project.root, handle) : undefined
  const found: [place: string, hex: string | undefined][] = [
    ['the keys of `npm run dev`', globals.dev ? project?.devServerVars[KEY_NAME] : undefined],
    [KEY_NAME, io.env[KEY_NAME]],
    ['.dev.vars', file && project?.devVars[KEY_NAME]],
    [file ?? '', file && (await readKeyFile(file))?.secrets.SIGNING_KEY],
  ]
  return found.flatMap(([place, hex]) => (hex ? [[place, hex] as const] : []))
}

/** The key that the DID names, out of the environment, .dev.vars or the key file. */
export async function findSigningKey(
  context: Context,
  { did, handle, identity }: Status,
): Promise<SigningKey> {
  const others: string[] = []
  for (const [place, hex] of await candidates(context, handle)) {
    const key = await load(place, hex)
    if (key.did === identity.signingKey) return key
    others.push(`${place} has ${key.did}`)
  }
  if (identity.movedAway)
    throw new CliError(
      'did-elsewhere',
      `${did} names ${plain(identity.pds ?? 'no PDS')}, under a key that is not here`,
      {
        next: `to move back from there: \`pds import --from ${plain(identity.pds ?? '<host>')}\`; if that server is gone, have your recovery key sign an operation that names this server and its key, then run the same command again`,
      },
    )
  throw new CliError(
    'no-signing-key',
    `${did} names the signing key ${identity.signingKey ?? '(none)'}, and it is not here${others.length > 0 ? `: ${others.join(', ')}` : ''}`,
  )
}

/** A service-auth token for createAccount on our own server, by the account's own key. */
export function signAccountToken({ io }: Context, here: Here, key: SigningKey): Promise<string> {
  // The audience is the server's word: only a word about itself, or the token would open the account elsewhere.
  const { host } = new URL(here.origin)
  if (here.serviceDid !== `did:web:${host.replace(':', '%3A')}`)
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
