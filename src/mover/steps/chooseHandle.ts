import { isValidHandle, normalizeHandle } from '@atproto/syntax'
import { handleObstacle } from '../identity/handleObstacle.ts'
import type { Move } from '../move.ts'
import { MoverError } from '../moverError.ts'
import { describeServer } from '../peers/describeServer.ts'

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
  const { target, who, options, owner, source, deps } = move
  const sourceDomains = () => domainsOfSource(move)
  const obstacle = (handle: string) => handleObstacle({ target, who, source, deps, sourceDomains }, handle)
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
    const why = await obstacle(asked)
    if (why === undefined) return asked
    throw new MoverError('handle-unresolved', why, {
      next: `add a DNS record _atproto.${asked} TXT "did=${who.did}", or serve the DID at https://${asked}/.well-known/atproto-did, then run the same command again`,
    })
  }
  let why = who.handle === undefined ? `${who.did} names no handle` : await obstacle(who.handle)
  if (why === undefined && who.handle !== undefined) return who.handle
  for (;;) {
    const asks = { why: why ?? '', origin, domains: description.availableUserDomains }
    const handle = parse(await owner.answer('handle', asks))
    why = await obstacle(handle)
    if (why === undefined) return handle
  }
}
