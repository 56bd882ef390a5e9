import { isObject } from '../isObject.ts'
import { inWords, type Asking } from './ask.ts'
import { ContractError } from './contractError.ts'
import { sessionOf, SESSION_FIELDS } from './sessionOf.ts'
import type { ContractDeps, Credentials, OwnSession, ThrowAwayOptions } from './types.ts'

export interface ThrowAway {
  readonly credentials: Credentials
  readonly session: OwnSession
}

const hex = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')

/** A name that no one has. */
export const madeUpName = (random: ContractDeps['random']): string => `contract-${hex(random(4))}`

const refused = (why: string): ContractError => new ContractError('no-throw-away', why)

/** The first domain that the server gives handles out below, such as `.pds.example`. */
export async function domainOf(ask: Asking): Promise<string> {
  const { json } = await ask('com.atproto.server.describeServer')
  const domains = isObject(json) ? json['availableUserDomains'] : undefined
  const domain: unknown = Array.isArray(domains) ? domains[0] : undefined
  if (typeof domain !== 'string') throw refused('the server gives out no handles, so it makes no account')
  return domain
}

/** Makes an account with a made-up name. The server makes its DID. */
export async function createThrowAway(
  ask: Asking,
  { random }: Pick<ContractDeps, 'random'>,
  hide: (secret: string) => void,
  { inviteCode, email }: ThrowAwayOptions,
): Promise<ThrowAway> {
  const name = madeUpName(random)
  const password = hex(random(16))
  hide(password)
  const answer = await ask('com.atproto.server.createAccount', {
    verb: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      handle: `${name}${await domainOf(ask)}`,
      email: email ?? `${name}@example.com`,
      password,
      ...(inviteCode === undefined ? {} : { inviteCode }),
    }),
  })
  const { status, json } = answer
  if (status !== 200 || !isObject(json)) throw refused(`the server makes no account: ${inWords(answer)}`)
  const session = sessionOf(json)
  if (!session)
    throw refused(
      `createAccount was answered 200 without ${SESSION_FIELDS.join(', ')}: ${name} may be left there`,
    )
  return { credentials: { identifier: session.handle || session.did, password }, session }
}
