/** Who the target of a move is, by its own word, and whether that word can be true. */
import { isValidDid } from '@atproto/syntax'
import { didWebUrl } from '../identity/did.ts'
import { originOf } from '../client/host.ts'
import { type Outbound, OutboundError } from '../outbound.ts'
import { CliError } from './errors.ts'
import { plain } from './output.ts'

export interface Target {
  origin: string
  /** Its service DID: the token's audience. */
  did: string
}

const originFrom = (input: string, dev: boolean): string => {
  try {
    if (input.startsWith('did:web:')) return new URL(didWebUrl(input, dev)).origin
    if (!input.startsWith('did:')) return originOf(input.replace(/\/+$/, ''))
  } catch (cause) {
    throw new CliError('bad-target', `--target ${plain(cause instanceof Error ? cause.message : input)}`, {
      cause,
    })
  }
  throw new CliError('bad-target', `--target ${input}: only did:web names a server by itself`, {
    next: 'give the target’s URL instead',
  })
}

const serviceDid = (host: string): string => `did:web:${host.replace(':', '%3A')}`

const describe = async (send: Outbound, origin: string): Promise<unknown> => {
  try {
    return await (
      await send(`${origin}/xrpc/com.atproto.server.describeServer`, { accept: 'application/json' })
    ).json()
  } catch (cause) {
    if (!(cause instanceof OutboundError)) throw cause
    if (cause.code === 'Blocked')
      throw new CliError('bad-target', `--target ${plain(cause.message)}`, { cause })
    throw new CliError('target-unreachable', `${origin} does not say who it is: ${plain(cause.message)}`, {
      cause,
    })
  }
}

const read = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined

/** Asks a server (URL or did:web) for its service DID. */
export async function describeTarget(input: string, send: Outbound, dev: boolean): Promise<Target> {
  const origin = originFrom(input, dev)
  const lies = (what: string) => new CliError('target-lies', `describeServer of ${origin} ${plain(what)}`)
  const answer = await describe(send, origin)
  const did = read(answer, 'did')
  if (typeof did !== 'string') throw lies('names no DID')
  const shown = did.slice(0, 200)
  if (!isValidDid(did)) throw lies(`says that its DID is ${JSON.stringify(shown)}, which is none`)
  if (!Array.isArray(read(answer, 'availableUserDomains'))) throw lies('is not what a PDS answers')
  if (input.startsWith('did:') && did.toLowerCase() !== input.toLowerCase())
    throw lies(`says that it is ${shown}, not ${input}`)
  // A token for another server's DID would open the account to that other server.
  if (did.startsWith('did:web:') && did.toLowerCase() !== serviceDid(new URL(origin).host).toLowerCase())
    throw lies(`says that it is ${shown}, which is another host`)
  return { origin, did }
}

export const refuseSelf = (target: Target, self: Target): void => {
  if (target.origin === self.origin || target.did.toLowerCase() === self.did.toLowerCase())
    throw new CliError('target-is-self', `${target.origin} is the server that the account is on`)
}
