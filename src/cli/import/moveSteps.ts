import type { Client } from '../../client/index.ts'
import { isPublicKey } from '../../crypto/publicKey.ts'
import { docsPath } from '../../docsLink.ts'
import { orServerError } from '../servers/serverErrors.ts'
import type { Context } from '../command.ts'
import { type Status, stateOf } from '../servers/status.ts'
import { CliError } from '../errors.ts'
import { count, firstFew } from '../terminal/output.ts'
import { createAccount, type LocalAccount, signInAsOwner } from './localAccount.ts'
import { isSameTree, manifestHere, sendRepo } from '../backup/repositoryHere.ts'
import { copyBlobs, copyPreferences, fetchRepo } from './copy.ts'
import { didWebAdvice, rotate } from './rotate.ts'
import type { Source } from './source.ts'
import { reportStep } from './reportStep.ts'

/** A move from another PDS. Each of its steps may be repeated. */
export interface Move {
  context: Context
  admin: Client
  here: LocalAccount
  source: Source
}

/** An account that moved away and comes back may still be active here. It must not accept writes during the move. */
export const deactivateFirst = async ({ prompts }: Context, admin: Client, status: Status): Promise<void> => {
  if (stateOf(status) !== 'moved') return
  await prompts.confirm(
    `${status.handle} is still active here, though its DID names another PDS. Deactivate it here first?`,
  )
  await orServerError(admin.com.atproto.server.deactivateAccount({}))
}

/** A client with the owner's session on the account here, which is created if there is none. */
export const createOrSignIn = async (move: Move, status: Status): Promise<Client> => {
  const { context, here, source } = move
  if (stateOf(status) !== 'absent') {
    const owner = await signInAsOwner(context, here)
    reportStep(move, 'Account', 'is here already')
    return owner
  }
  const owner = await createAccount(context, here, () => source.accountToken(here.serviceDid))
  reportStep(move, 'Account', `${here.handle} created, deactivated for now`)
  return owner
}

/**
 * Copies repository, blobs and preferences; once the DID names this server (`rotated`), only blobs. Returns the facts
 * of the repository if it was copied, and the CIDs of the blobs that the source lacks.
 */
export const copyEverything = async (move: Move, owner: Client, status: Status, rotated: boolean) => {
  const { context, here, source, admin } = move
  let facts
  if (!rotated) {
    const { signingKey } = status.identity
    if (!signingKey)
      throw new CliError('did-not-found', `the DID document of ${here.did} names no signing key`)
    if (!isPublicKey(signingKey))
      throw new CliError(
        'source-refused',
        `${here.did} names ${JSON.stringify(signingKey.slice(0, 100))} as its signing key, which must be a k256 or P-256 did:key: no repository can be verified with it`,
        {
          next: `have ${source.origin} sign an operation that names its key, then run the same command again`,
          docs: docsPath('repository-refused'),
        },
      )
    facts = await fetchRepo(context, source, here, signingKey)
    const sent = await sendRepo(owner, admin, here.resume.carFile, facts)
    reportStep(
      move,
      'Repository',
      `${count(facts.records, 'record')}, rev ${facts.rev}${sent ? '' : ' (was here already)'}`,
    )
  }
  const blobs = await copyBlobs(context, source, owner, here)
  reportStep(
    move,
    'Blobs',
    `${count(blobs.copied, 'blob')} copied${blobs.lost.length ? `, ${blobs.lost.length} missing` : ''}`,
  )
  if (blobs.lost.length > 0) {
    context.out.warn(
      `the source does not have ${count(blobs.lost.length, 'blob')}: ${firstFew(blobs.lost)}`,
      'copy-incomplete',
    )
    if (!rotated) await context.prompts.confirm('Continue without them?')
  }
  if (!rotated) {
    const preferences = await copyPreferences(source, owner)
    reportStep(
      move,
      'Preferences',
      preferences === undefined ? 'the source has none' : count(preferences, 'preference'),
    )
  }
  return { facts, lost: blobs.lost }
}

/** Throws if the repository here is not the one that was copied. */
export const verifyCopy = async (
  move: Move,
  facts: { data: string; collections: Record<string, number> },
): Promise<void> => {
  if (!isSameTree(await manifestHere(move.admin), facts))
    throw new CliError(
      'copy-incomplete',
      'the repository here is not the one that the source has; the DID was not changed',
    )
  reportStep(move, 'Verified', 'same tree, same records in each collection')
}

/** Has the DID name this server. A did:web can only be changed by its owner: the error says how. */
export const updateDid = async (move: Move, owner: Client): Promise<void> => {
  const { context, admin, here } = move
  if (!here.did.startsWith('did:plc:'))
    throw new CliError(
      'did-elsewhere',
      `everything is copied; ${here.did} still names ${move.source.origin}`,
      {
        next: await didWebAdvice(admin),
      },
    )
  const changes = await rotate(context, { ...move, owner })
  reportStep(move, 'Identity', 'the DID names this server')
  for (const line of changes) context.out.note(`    ${line}`)
}

/** Deactivates the account on the source, if that is allowed. Returns whether it is deactivated. */
export const deactivateSource = async (move: Move): Promise<boolean> => {
  const { context, source } = move
  const { deactivate } = source
  if (!deactivate) return false
  try {
    await context.prompts.confirm(`Deactivate the account on ${source.origin}?`)
    await deactivate()
    reportStep(move, 'Source', 'deactivated')
    return true
  } catch (cause) {
    if (!(cause instanceof CliError)) throw cause
    context.out.warn(`the account on ${source.origin} was not deactivated: ${cause.message}`)
    return false
  }
}
