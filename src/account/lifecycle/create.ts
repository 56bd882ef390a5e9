/** An account that moves in: room is made for it, and its owner is let in. */
import { error, XrpcError } from '../../xrpc/errors.ts'
import type { Tokens } from '../auth/sessions.ts'
import { isPassword } from '../auth/signIn.ts'
import { readAccount, setDeactivated } from '../db/accountRow.ts'
import type { LifecycleDeps } from './deps.ts'

export interface CreateInput {
  did?: string
  handle: string
  password?: string
  plcOp?: unknown
  /** Where the request comes from. */
  network?: string | undefined
}

/** Milliseconds in which createAccount answers the same token again. */
const AGAIN = 2 * 60_000

const check = async (deps: LifecycleDeps, input: CreateInput): Promise<void> => {
  const { did, handle, rate, passwordHash } = deps
  if (input.plcOp !== undefined)
    throw error(
      'InvalidRequest',
      'plcOp is not taken here: submit the operation with submitPlcOperation later',
    )
  if (input.did !== did)
    throw error('InvalidRequest', `this server is for ${did} only, and takes it in: give it as did`)
  if (input.handle.toLowerCase() !== handle)
    throw new XrpcError(
      'HandleNotAvailable',
      `this server is set up with the handle ${handle} (HANDLE), not ${input.handle}`,
    )
  if (input.password === undefined) return
  rate.signIn(input.network)
  if (!(await isPassword(input.password, passwordHash)))
    throw new XrpcError(
      'InvalidPassword',
      'this server has a password already, set by `pds init`: give that one, or none',
    )
}

/**
 * Makes an empty repository, deactivated. The same token may ask again for a short while, for an answer that
 * was lost; another one may not. Later a copy of it that leaked would open the owner's own session: whoever
 * knows the password signs in.
 */
export const create = async (deps: LifecycleDeps, input: CreateInput, tokenId: string): Promise<Tokens> => {
  const { sql, platform, repo, journal, sessions, did, handle } = deps
  await check(deps, input)
  const known = () =>
    sql.first(
      `SELECT 1 AS yes FROM journal
       WHERE event = 'create-account' AND json_extract(detail, '$.token') = ? AND at > ?`,
      tokenId,
      platform.now() - AGAIN,
    ) !== undefined
  if (readAccount(sql).stored === 'new') {
    await repo.create()
    sql.transaction(() => {
      if (readAccount(sql).stored !== 'new') return
      setDeactivated(sql, platform.now())
      journal.append('create-account', { handle, token: tokenId })
    })
  }
  if (!known() || readAccount(sql).activatedAt !== undefined)
    throw error('InvalidRequest', `there is an account of ${did} here already: sign in with createSession`)
  return await sessions.create('sign-in', { via: 'createAccount' })
}
