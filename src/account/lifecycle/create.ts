import { error, XrpcError } from '../../xrpc/errors.ts'
import type { TokenPair } from '../auth/sessions/sessions.ts'
import { docsLink } from '../../docsLink.ts'
import { readAccount, setDeactivated } from '../db/accountRow.ts'
import type { LifecycleDeps } from './lifecycleDeps.ts'

export interface CreateInput {
  did?: string
  handle: string
  password?: string
  plcOp?: unknown
  /** The network of the client, for the rate limits. */
  network?: string | undefined
  /** The User-Agent of the client, made safe to show. */
  client?: string | undefined
}

/** For this long, createAccount accepts the same token again. */
const REPEAT_MS = 2 * 60_000
/** The journal's event; its detail has the `token`. */
const CREATE_ACCOUNT_EVENT = 'create-account'

const checkInput = ({ did, handle }: LifecycleDeps, input: CreateInput): void => {
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
  if (input.handle.toLowerCase() !== handle())
    throw new XrpcError(
      'HandleNotAvailable',
      `this server is set up with the handle ${handle()} (HANDLE), not ${input.handle}`,
    )
}

/** A token shows that the account's present server asks. Only the password shows that its owner does. */
const requirePassword = async (
  { sql, journal, rateLimits, passwords }: LifecycleDeps,
  { password, network }: CreateInput,
): Promise<void> => {
  if (password !== undefined && (await passwords.matches(password, network))) return
  const why = password === undefined ? 'no password' : 'password'
  if (rateLimits.countCreateFailure('password'))
    sql.transaction(() => journal.append('failed-create-account', { why }))
  throw new XrpcError(
    'InvalidPassword',
    `password: expected the account password of this server, which \`pds init\` set; ${password === undefined ? 'none was given' : 'this is another one'}. ${docsLink('account-password')}`,
  )
}

/**
 * Makes an empty repository, deactivated, and opens a session. It needs the account password besides the token, each
 * time: the server that the account comes from can sign as many tokens as it likes. The same token may ask again for
 * REPEAT_MS, because the first answer may have been lost, until the account is active. Later, and with another token,
 * the owner signs in.
 */
export const create = async (
  deps: LifecycleDeps,
  input: CreateInput,
  tokenId: string,
): Promise<TokenPair> => {
  const { sql, platform, repo, journal, sessions, did, handle } = deps
  checkInput(deps, input)
  await requirePassword(deps, input)
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
      journal.append(CREATE_ACCOUNT_EVENT, { handle: handle(), token: tokenId })
    })
  }
  if (!wasCreatedByToken() || readAccount(sql).activatedAt !== undefined)
    throw error('InvalidRequest', `there is an account of ${did} here already: sign in with createSession`)
  return await sessions.create({ via: 'createAccount', client: input.client })
}
