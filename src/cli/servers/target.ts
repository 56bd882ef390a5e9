import { isValidDid } from '@atproto/syntax'
import { didWebUrl } from '../../identity/didResolver.ts'
import { originOf } from '../../client/host.ts'
import { isObject } from '../../isObject.ts'
import { type Outbound, OutboundError } from '../../outbound.ts'
import { didWeb } from './didWeb.ts'
import { CliError, messageOf } from '../errors.ts'

/** The server that an account moves to. */
export interface Target {
  origin: string
  /** Its service DID, which is the token's audience. */
  did: string
  /** Whether the DID is the did:web of the host. Any server may claim another one; nothing here proves that it is its. */
  isOwnDid: boolean
}

const targetOrigin = (input: string, dev: boolean): string => {
  try {
    if (input.startsWith('did:web:')) return new URL(didWebUrl(input, dev)).origin
    if (!input.startsWith('did:')) return originOf(input.replace(/\/+$/, ''))
  } catch (cause) {
    throw new CliError('bad-target', `--target ${messageOf(cause)}`, {
      cause,
    })
  }
  throw new CliError('bad-target', `--target ${input}: of the DIDs, only a did:web names a server`, {
    next: 'give the target’s URL instead',
  })
}

const describe = async (send: Outbound, origin: string): Promise<unknown> => {
  try {
    return await (
      await send(`${origin}/xrpc/com.atproto.server.describeServer`, { accept: 'application/json' })
    ).json()
  } catch (cause) {
    if (!(cause instanceof OutboundError)) throw cause
    if (cause.code === 'Blocked') throw new CliError('bad-target', `--target ${cause.message}`, { cause })
    throw new CliError('target-unreachable', `describeServer of ${origin} cannot be read: ${cause.message}`, {
      cause,
    })
  }
}

/**
 * Asks a server (URL, host name or did:web) for its service DID, and checks that it can be the DID of that server. With
 * `dev` the server may be on this machine, with http.
 */
export async function describeTarget(input: string, send: Outbound, dev: boolean): Promise<Target> {
  const origin = targetOrigin(input, dev)
  const targetLies = (what: string) => new CliError('target-lies', `describeServer of ${origin} ${what}`)
  const answer = await describe(send, origin)
  const { did, availableUserDomains } = isObject(answer) ? answer : {}
  if (typeof did !== 'string') throw targetLies('names no DID')
  const shown = did.slice(0, 200)
  if (!isValidDid(did)) throw targetLies(`says that its DID is ${JSON.stringify(shown)}, which is not a DID`)
  if (!Array.isArray(availableUserDomains)) throw targetLies('is not the answer of a PDS')
  if (input.startsWith('did:') && did.toLowerCase() !== input.toLowerCase())
    throw targetLies(`says that it is ${shown}, not ${input}`)
  // A token for another server's DID would open the account to that server.
  const isOwnDid = did.toLowerCase() === didWeb(new URL(origin).host).toLowerCase()
  if (did.startsWith('did:web:') && !isOwnDid)
    throw targetLies(`says that it is ${shown}, which is another host`)
  return { origin, did, isOwnDid }
}

/** Throws if the target is the server that the account is on. */
export const refuseSelf = (
  target: Pick<Target, 'origin' | 'did'>,
  self: Pick<Target, 'origin' | 'did'>,
): void => {
  if (target.origin === self.origin || target.did.toLowerCase() === self.did.toLowerCase())
    throw new CliError('target-is-self', `${target.origin} is the server that the account is on`)
}
