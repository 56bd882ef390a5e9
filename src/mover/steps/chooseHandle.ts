import { isValidHandle, normalizeHandle } from '@atproto/syntax'
import { createHandleLookup } from '../../identity/handleResolver.ts'
import { IdentityError } from '../../identity/errors.ts'
import { createSend } from '../send.ts'
import type { Move } from '../move.ts'
import { MoverError } from '../moverError.ts'
import { describeServer } from '../peers/describeServer.ts'

/** Whether a handle belongs to one of these domains, which begin with a dot. */
const isBelow = (handle: string, domains: readonly string[]): boolean =>
  domains.some((domain) => handle.endsWith(domain))

/** The domains under which the source gives its accounts handles; none if it does not say. */
const domainsOfSource = async ({ source, deps }: Move): Promise<readonly string[]> => {
  if (source.origin === undefined) return []
  try {
    return (await describeServer(source.origin, deps)).availableUserDomains
  } catch (cause) {
    if (cause instanceof MoverError) return []
    throw cause
  }
}

/** Why a handle cannot be the account's at the target; undefined if it can. */
const obstacle = async (move: Move, handle: string): Promise<string | undefined> => {
  const { target, who, deps } = move
  const { availableUserDomains: domains } = target.description
  // The target gives it itself.
  if (isBelow(handle, domains) || handle === new URL(target.origin).hostname) return undefined
  if (isBelow(handle, await domainsOfSource(move)))
    return `${handle} belongs to ${move.source.name}, so it cannot stay`
  // Names such as alice.test lead nowhere: only the servers know them.
  if (deps.dev && handle.endsWith('.test')) return undefined
  const send = createSend(deps)
  try {
    const found = await createHandleLookup({ send })(handle)
    return found === who.did ? undefined : `${handle} names ${found}, not ${who.did}`
  } catch (cause) {
    if (!(cause instanceof IdentityError)) throw cause
    // Only a handle that is there can be judged; when nobody answers, the target decides.
    return cause.code === 'NotFound' ? `${handle} does not name ${who.did}` : undefined
  }
}

const parse = (text: string): string => {
  const handle = normalizeHandle(text.trim().replace(/^@/, ''))
  if (isValidHandle(handle)) return handle
  throw new MoverError('handle-needed', `"${text.trim()}" is not a handle`)
}

/**
 * The handle that the account gets at the target: the target's own, the one that was asked for, else the present one. One
 * that cannot stay is asked about: a server takes only a handle that it can verify.
 */
export async function chooseHandle(move: Move): Promise<string> {
  const { target, who, options, owner } = move
  if (target.ownHandle !== undefined) {
    if (options.handle !== undefined && parse(options.handle) !== target.ownHandle)
      throw new MoverError(
        'handle-needed',
        `${target.origin} is set up for the handle ${target.ownHandle} (HANDLE), not ${options.handle}`,
        { next: `leave out --handle, or set HANDLE of ${target.origin} first` },
      )
    return target.ownHandle
  }
  const { origin, description } = target
  const asked = options.handle === undefined ? undefined : parse(options.handle)
  if (asked !== undefined) {
    const why = await obstacle(move, asked)
    if (why === undefined) return asked
    throw new MoverError('handle-unresolved', why, {
      next: `add a DNS record _atproto.${asked} TXT "did=${who.did}", or serve the DID at https://${asked}/.well-known/atproto-did, then run the same command again`,
    })
  }
  let why = who.handle === undefined ? `${who.did} names no handle` : await obstacle(move, who.handle)
  if (why === undefined && who.handle !== undefined) return who.handle
  for (;;) {
    const asks = { why: why ?? '', origin, domains: description.availableUserDomains }
    const handle = parse(await owner.answer('handle', asks))
    why = await obstacle(move, handle)
    if (why === undefined) return handle
  }
}
