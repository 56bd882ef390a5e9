import { error, XrpcError } from '../../xrpc/errors.ts'
import type { TokenPair } from '../auth/sessions.ts'
import { passwordMatches } from '../auth/signIn.ts'
import { readAccount, setDeactivated } from '../db/accountRow.ts'
import type { LifecycleDeps } from './lifecycleDeps.ts'

export interface CreateInput {
  did?: string
  handle: string
  password?: string
  plcOp?: unknown
  /** The network of the client, for the rate limits. */
  network?: string | undefined
}

/** For this long, createAccount accepts the same token again. */
const REPEAT_MS = 2 * 60_000
/** The journal's event; its detail has the `token`. */
const CREATE_ACCOUNT_EVENT = 'create-account'

const checkInput = async (deps: LifecycleDeps, input: CreateInput): Promise<void> => {
  const { did, handle, rateLimits, passwordHash } = deps
  if (input.plcOp !== undefined)
    throw error(
      'InvalidRequest',
      'plcOp is not accepted here: submit the operation with submitPlcOperation later',
    )
  if (input.did !== did)
    throw error(
      'InvalidRequest',
      `did: expected ${did}, the only account that this server is for, got ${input.did?.slice(0, 256) ?? 'none'}`,
    )
  if (input.handle.toLowerCase() !== handle)
    throw new XrpcError(
      'HandleNotAvailable',
      `this server is set up with the handle ${handle} (HANDLE), not ${input.handle}`,
    )
  if (input.password === undefined) return
  rateLimits.signIn(input.network)
  if (!(await passwordMatches(input.password, passwordHash)))
    throw new XrpcError(
      'InvalidPassword',
      'this server already has a password, set by `pds init`: give that one, or leave it out',
    )
}

/**
 * Makes an empty repository, deactivated, and opens a session. The same token may ask again for REPEAT_MS, because the
 * first answer may have been lost; another token may not. Nor may the same one later: a leaked copy of it
 * would open a session of the owner's. The owner, who knows the password, signs in.
 */
export const create = async (
  deps: LifecycleDeps,
  input: CreateInput,
  tokenId: string,
): Promise<TokenPair> => {
  const { sql, platform, repo, journal, sessions, did, handle } = deps
  await checkInput(deps, input)
  const wasCreatedByToken = () =>
    journal.has({
      event: CREATE_ACCOUNT_EVENT,
      key: 'token',
      value: tokenId,
      after: platform.now() - REPEAT_MS,
    })
  if (readAccount(sql).storedState === 'new') {
    await repo.create()
    sql.transaction(() => {
      if (readAccount(sql).storedState !== 'new') return
      setDeactivated(sql, platform.now())
      journal.append(CREATE_ACCOUNT_EVENT, { handle, token: tokenId })
    })
  }
  if (!wasCreatedByToken() || readAccount(sql).activatedAt !== undefined)
    throw error('InvalidRequest', `there is an account of ${did} here already: sign in with createSession`)
  return await sessions.create('sign-in', { via: 'createAccount' })
}
