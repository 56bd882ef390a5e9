import { isValidDid } from '@atproto/syntax'
import { didWebUrl } from '../identity/didResolver.ts'
import { originOf } from '../client/host.ts'
import { isObject } from '../isObject.ts'
import { type Outbound, OutboundError } from '../outbound.ts'
import { didWeb } from './didWeb.ts'
import { CliError, messageOf } from './errors.ts'
import { plain } from './output.ts'

/** The server that an account moves to. */
export interface Target {
  origin: string
  /** Its service DID, which is the token's audience. */
  did: string
}

const originFrom = (input: string, dev: boolean): string => {
  try {
    if (input.startsWith('did:web:')) return new URL(didWebUrl(input, dev)).origin
    if (!input.startsWith('did:')) return originOf(input.replace(/\/+$/, ''))
  } catch (cause) {
    throw new CliError('bad-target', `--target ${plain(messageOf(cause))}`, {
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
    if (cause.code === 'Blocked')
      throw new CliError('bad-target', `--target ${plain(cause.message)}`, { cause })
    throw new CliError(
      'target-unreachable',
      `describeServer of ${origin} cannot be read: ${plain(cause.message)}`,
      {
        cause,
      },
    )
  }
}

/** Asks a server (URL, host name or did:web) for its service DID, and checks whether that can be true. */
export async function describeTarget(input: string, send: Outbound, dev: boolean): Promise<Target> {
  const origin = originFrom(input, dev)
  const lies = (what: string) => new CliError('target-lies', `describeServer of ${origin} ${plain(what)}`)
  const answer = await describe(send, origin)
  const { did, availableUserDomains } = isObject(answer) ? answer : {}
  if (typeof did !== 'string') throw lies('names no DID')
  const shown = did.slice(0, 200)
  if (!isValidDid(did)) throw lies(`says that its DID is ${JSON.stringify(shown)}, which is not a DID`)
  if (!Array.isArray(availableUserDomains)) throw lies('is not the answer of a PDS')
  if (input.startsWith('did:') && did.toLowerCase() !== input.toLowerCase())
    throw lies(`says that it is ${shown}, not ${input}`)
  // A token for another server's DID would open the account to that server.
  if (did.startsWith('did:web:') && did.toLowerCase() !== didWeb(new URL(origin).host).toLowerCase())
    throw lies(`says that it is ${shown}, which is another host`)
  return { origin, did }
}

/** Throws if the target is the server that the account is on. */
export const refuseSelf = (target: Target, self: Target): void => {
  if (target.origin === self.origin || target.did.toLowerCase() === self.did.toLowerCase())
    throw new CliError('target-is-self', `${target.origin} is the server that the account is on`)
}
