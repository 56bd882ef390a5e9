import { isValidDid, isValidHandle } from '@atproto/syntax'
import type { Config } from '../config.ts'
import { IdentityError } from '../identity/errors.ts'
import type { Identity } from '../identity/identity.ts'
import { createSharedLookups, TooManyLookupsError } from '../identity/sharedLookups.ts'
import type { MethodId } from '../generated/methods.ts'
import { callerNetwork } from '../network.ts'
import type { Platform } from '../platform.ts'
import { error } from '../xrpc/errors.ts'
import { readParams } from '../xrpc/params.ts'
import { type AccountQuestions, AccountRefusal, type Caller, callerOf } from './accountQuestions.ts'
import { isThisServer } from './destination.ts'
import type { Forward } from './forward.ts'
import type { AddressOf } from './services.ts'

export interface ForeignReposDeps {
  config: Pick<Config, 'did' | 'origin' | 'previous' | 'services'>
  identity: Pick<Identity, 'isOwnHandle' | 'resolveHandle'>
  platform: Pick<Platform, 'now' | 'timer' | 'keepAlive'>
  addressOf: AddressOf
  /** The same with a memory of its own: strangers choose whom we look up. */
  addressForStrangers: AddressOf
  account: Pick<AccountQuestions, 'authorize'>
  forward: Forward
  newId(): string
}

const GET_RECORD = 'com.atproto.repo.getRecord'

/** The reads whose `repo` may be another account's. */
export const REPO_READS: ReadonlySet<string> = new Set([
  GET_RECORD,
  'com.atproto.repo.describeRepo',
  'com.atproto.repo.listRecords',
])

/** Whether the caller has a credential of this server, so that hosts of their choice may be asked. */
const isKnown = async (
  account: Pick<AccountQuestions, 'authorize'>,
  request: Request,
  caller: Caller,
  method: string,
): Promise<boolean> => {
  if (!request.headers.has('authorization')) return false
  try {
    await account.authorize(caller, method)
    return true
  } catch (cause) {
    if (!(cause instanceof AccountRefusal)) throw cause
    // A credential that is not ours does not matter, as in every public read. The owner is told of their own.
    const { error: name } = await cause.answer.clone().json<{ error?: string }>()
    if (name === 'ExpiredToken' || name === 'AccountDeactivated') throw cause
    return false
  }
}

/**
 * Reads of other accounts' repositories. `getRecord` is answered by the AppView, for anyone; the others by the repository's
 * own server, for who is signed in here: a stranger could otherwise send us to any host.
 */
export const createForeignRepos = (
  deps: ForeignReposDeps,
): ((method: MethodId, request: Request) => Promise<Response | undefined>) => {
  const { config, identity, platform, addressOf, addressForStrangers, account, forward, newId } = deps
  const pds = (did: string) => ({ did, id: 'atproto_pds' })
  const pdsForAnyone = createSharedLookups({
    platform,
    noun: 'DID',
    lookUp: (did) => addressForStrangers(pds(did)),
  })

  /** Also where it is neither a DID nor a handle: the account says so. */
  const isOurs = async (repo: string): Promise<boolean> => {
    if (repo === config.did) return true
    if (isValidDid(repo)) return false
    return !isValidHandle(repo) || (await identity.isOwnHandle(repo.toLowerCase()))
  }

  const didOf = (repo: string, network: string | undefined): Promise<string> | string =>
    isValidDid(repo) ? repo : identity.resolveHandle(repo, network)

  const notFound = (repo: string, why: string) =>
    error(
      'InvalidRequest',
      `Could not find repo: ${repo.slice(0, 256)}. This server holds one account only${why}`,
    )

  const lookUp = async <T>(repo: string, work: () => Promise<T> | T): Promise<T> => {
    try {
      return await work()
    } catch (cause) {
      if (cause instanceof TooManyLookupsError)
        throw error('RateLimitExceeded', cause.message, { 'retry-after': String(cause.retryAfterSeconds) })
      if (!(cause instanceof IdentityError)) throw cause
      if (cause.retryable) throw error('UpstreamFailure', `${cause.message}; try again`)
      throw notFound(repo, `, and ${cause.message}`)
    }
  }

  return async (method, request) => {
    const { searchParams } = new URL(request.url)
    const repo = searchParams.get('repo') ?? ''
    if (await isOurs(repo)) return undefined
    // What the method's document does not allow is refused here: nobody is asked.
    readParams(method, searchParams)
    const { appView } = config.services
    if (method === GET_RECORD && appView)
      return await forward({ request, method, address: appView.url, token: undefined })
    const network = callerNetwork(request.headers)
    const did = await lookUp(repo, () => didOf(repo, network))
    if (did === config.did) return undefined
    const known = await isKnown(account, request, callerOf(request, newId()), method)
    const address = await lookUp(repo, () => (known ? addressOf(pds(did)) : pdsForAnyone(did, network)))
    if (isThisServer(config, address)) throw notFound(repo, '')
    if (known) return await forward({ request, method, address, token: undefined })
    throw notFound(repo, `. The repository of ${did} is at ${address}: ask there, or sign in here`)
  }
}
