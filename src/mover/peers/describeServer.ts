import { isValidDid, isValidHandle, normalizeHandle } from '@atproto/syntax'
import { isObject } from '../../isObject.ts'
import { OutboundError } from '../../outbound.ts'
import { createSend } from '../send.ts'
import { MoverError } from '../moverError.ts'
import type { MoverDeps } from '../moverDeps.ts'
import type { ServerDescription } from '../target.ts'

const didWeb = (host: string): string => `did:web:${host.replace(':', '%3A')}`

const accountIn = (value: unknown): ServerDescription['account'] => {
  const { did, handle } = isObject(value) ? value : {}
  if (typeof did !== 'string' || typeof handle !== 'string') return undefined
  return isValidDid(did) && isValidHandle(handle) ? { did, handle: normalizeHandle(handle) } : undefined
}

/**
 * Asks a server for its service DID and what it wants of a new account, and checks that the DID can be that server's: a
 * token for another server's DID would open the account to that one. `isOwnDid` is false where nothing proves it.
 */
export async function describeServer(
  origin: string,
  deps: Pick<MoverDeps, 'fetch' | 'dev'>,
): Promise<ServerDescription & { readonly isOwnDid: boolean }> {
  const lies = (what: string) => new MoverError('target-lies', `describeServer of ${origin} ${what}`)
  const send = createSend(deps)
  let answer: unknown
  try {
    const url = `${origin}/xrpc/com.atproto.server.describeServer`
    answer = await (await send(url, { accept: 'application/json' })).json()
  } catch (cause) {
    if (!(cause instanceof OutboundError)) throw cause
    if (cause.code === 'Blocked') throw new MoverError('bad-target', cause.message, { cause })
    throw new MoverError(
      'target-unreachable',
      `describeServer of ${origin} cannot be read: ${cause.message}`,
      {
        cause,
      },
    )
  }
  const { did, availableUserDomains, inviteCodeRequired, account } = isObject(answer) ? answer : {}
  if (typeof did !== 'string') throw lies('names no DID')
  const shown = did.slice(0, 200)
  if (!isValidDid(did)) throw lies(`says that its DID is ${JSON.stringify(shown)}, which is not a DID`)
  if (!Array.isArray(availableUserDomains)) throw lies('is not the answer of a PDS')
  const isOwnDid = did.toLowerCase() === didWeb(new URL(origin).host).toLowerCase()
  if (did.startsWith('did:web:') && !isOwnDid) throw lies(`says that it is ${shown}, which is another host`)
  return {
    did,
    isOwnDid,
    inviteCodeRequired: inviteCodeRequired === true,
    account: accountIn(account),
    availableUserDomains: availableUserDomains
      .filter((domain): domain is string => typeof domain === 'string' && domain.length < 254)
      .map((domain) => (domain.startsWith('.') ? domain : `.${domain}`).toLowerCase()),
  }
}
