import type { Archive } from '../../archive/openArchive.ts'
import { newId } from '../../crypto/newId.ts'
import { generateKey } from '../../crypto/privateKey.ts'
import type { PlcData, PlcHead } from '../../plc/types.ts'
import { loadSigningKey, type RotationKey, type SigningKey } from '../../signing/keys.ts'
import { CREATE_ACCOUNT } from '../../signing/migrationToken.ts'
import { directoryOf } from '../move.ts'
import { MoverError } from '../moverError.ts'
import { moverFailure } from '../refusal.ts'
import type { MoverDeps } from '../moverDeps.ts'
import type { Owner } from '../owner.ts'
import type { Source, SourceOpener } from '../source.ts'
import type { Who } from '../who.ts'
import { archiveClient } from './archiveClient.ts'

const TOKEN_LIFETIME_S = 60

/** What an archive and its owner have to sign with. */
export interface ArchiveKeys {
  /** Signing keys of the account; one of them may be the one that the DID names. */
  readonly signing: readonly SigningKey[]
  /** Rotation keys: those of the server that is gone, and the owner's recovery key. */
  readonly rotation: readonly RotationKey[]
  /** did:keys of `rotation` that were the server's own. */
  readonly serverKeys: readonly string[]
}

interface ArchiveOptions {
  readonly archive: Archive
  readonly keys: ArchiveKeys
  readonly owner: Owner
  readonly deps: MoverDeps
}

const currentHead = async ({ deps }: ArchiveOptions, did: string): Promise<PlcHead & { data: PlcData }> => {
  const { data, ...head } = await directoryOf(deps)
    .head(did)
    .catch((cause: unknown) => {
      throw moverFailure(cause, 'source')
    })
  if (data) return { ...head, data }
  throw new MoverError('directory-refused', `${did} has been tombstoned: it can never be used again`)
}

/** The least powerful key that may sign: a higher one can then still undo it. */
const signerFor = ({ keys, archive }: ArchiveOptions, { rotationKeys }: PlcData): RotationKey => {
  const known = rotationKeys.toReversed().map((key) => keys.rotation.find(({ did }) => did === key))
  const found = known.find((key) => key !== undefined)
  if (found) return found
  throw new MoverError(
    'no-signing-key',
    `${archive.did} can be changed only by one of ${rotationKeys.join(', ')}, and none of them is here`,
    {
      next: 'give the key file in the backup its passphrase, or your recovery key with --recovery-key <file>',
    },
  )
}

/**
 * The key that the DID names for signing. If it is lost with the old server, a new one takes its place: a rotation key
 * can have the DID name it, which the owner is asked about.
 */
const namedSigningKey = async (options: ArchiveOptions, { did, signingKeys }: Who): Promise<SigningKey> => {
  const { keys, owner, deps, archive } = options
  if (!did.startsWith('did:plc:')) {
    const own = keys.signing.find((key) => key.did === signingKeys[0])
    if (own) return own
    throw new MoverError(
      'no-signing-key',
      `${did} names the signing key ${signingKeys[0] ?? '(none)'}, and it is not here`,
      { next: 'have its did.json name a signing key that you have, then run the same command again' },
    )
  }
  const head = await currentHead(options, did)
  const named = head.data.verificationMethods['atproto']
  const found = keys.signing.find((key) => key.did === named)
  if (found) return found
  const signer = signerFor(options, head.data)
  const fresh = await loadSigningKey(await generateKey((length) => deps.random(length)), 'the new key')
  const lines = [
    `${did} names the signing key ${named ?? '(none)'}, which is not in ${archive.folder}: it is lost with the old server`,
    `the signing key becomes ${fresh.did}, for this move only`,
    `signed with ${signer.did}`,
  ]
  const question = `${lines.join('; ')}. Change the DID so that the new server can be asked to take the account?`
  if (!(await owner.answer('confirm', { topic: 'operation', question, lines, insists: false })))
    throw new MoverError('not-confirmed', 'the answer was no: nothing was changed')
  const operation = await signer.signOperation({
    type: 'plc_operation',
    ...head.data,
    rotationKeys: [...new Set(head.data.rotationKeys)],
    verificationMethods: { ...head.data.verificationMethods, atproto: fresh.did },
    prev: head.cid,
  })
  await directoryOf(deps)
    .submit(did, operation)
    .catch((cause: unknown) => {
      throw moverFailure(cause, 'source')
    })
  return fresh
}

const open = (options: ArchiveOptions, who: Who): Source => {
  const { did } = who
  const { archive, keys, deps } = options
  if (archive.did !== did)
    throw new MoverError('wrong-account', `${archive.folder} is the backup of ${archive.did}, not of ${did}`)
  return {
    kind: 'archive',
    did,
    origin: undefined,
    name: archive.folder,
    client: archiveClient(archive),
    async accountToken(aud) {
      const key = await namedSigningKey(options, who)
      const iat = Math.floor(deps.now() / 1000)
      const jti = newId((length) => deps.random(length))
      return await key.signServiceToken({
        iss: did,
        aud,
        iat,
        exp: iat + TOKEN_LIFETIME_S,
        lxm: CREATE_ACCOUNT,
        jti,
      })
    },
    namedKeys: async () => keys.serverKeys,
    async sign(request) {
      const { data } = await currentHead(options, did)
      return await signerFor(options, data).signOperation(request)
    },
    status: async () => undefined,
    end: async () => [],
  }
}

/**
 * A backup as the source, when its server is gone or is not to be asked: the service token and the operation are signed
 * here, with the keys in the backup or the owner's recovery key.
 */
export const archiveSource = (options: ArchiveOptions): SourceOpener => ({
  origin: undefined,
  open: async (who) => open(options, who),
})
