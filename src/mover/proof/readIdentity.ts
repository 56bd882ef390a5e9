import { createDidResolver } from '../../identity/didResolver.ts'
import { IdentityError } from '../../identity/errors.ts'
import { createDirectory } from '../../plc/directory.ts'
import { namedSigningKeys } from '../../plc/namedKeys.ts'
import { fail, pass } from '../check.ts'
import { createSend } from '../send.ts'
import type { MoverDeps } from '../moverDeps.ts'
import { checkDirectory } from './networkChecks.ts'

/** The account's signing keys, as did:key. */
export interface NamedKeys {
  /** The one that the DID names today. */
  today: readonly string[]
  /** All that it ever named. */
  all: readonly string[]
}

/** What the DID says, from its log, or from the document of a did:web. */
export const readIdentity = async (deps: MoverDeps, did: string, origin: string) => {
  const send = createSend(deps)
  const directory = createDirectory(send, deps.directoryUrl)
  if (did.startsWith('did:plc:')) {
    const { check, log } = await checkDirectory(directory, did, origin)
    const data = log?.head.data
    const today = data?.verificationMethods['atproto']
    const name = data?.alsoKnownAs.find((known) => known.startsWith('at://'))
    const keys: NamedKeys = {
      today: today === undefined ? [] : [today],
      all: log ? namedSigningKeys(log) : [],
    }
    return { send, check, log, keys, handle: name?.slice('at://'.length) }
  }
  const unknown = { send, log: undefined, keys: { today: [], all: [] }, handle: undefined }
  try {
    const { pds, signingKey, handle } = await createDidResolver({ send, directory, dev: deps.dev })(did)
    const check =
      pds === origin
        ? pass('directory', `the document of ${did} names ${pds}`)
        : fail('directory', `the document of ${did} names ${pds ?? 'no PDS'}`, 'run `pds did-web-move`')
    const keys = signingKey === undefined ? [] : [signingKey]
    return { send, check, log: undefined, keys: { today: keys, all: keys }, handle }
  } catch (cause) {
    if (!(cause instanceof IdentityError)) throw cause
    return { ...unknown, check: fail('directory', cause.message, 'make its did.json answer') }
  }
}
