import { connect } from '../../client/index.ts'
import type { Scope } from '../../signing/migrationToken.ts'
import { MoverError } from '../moverError.ts'
import { ofSource } from '../refusal.ts'
import type { MoverDeps, Owner, Source, SourceOpener, Target, Who } from '../types.ts'
import { checkToken } from './checkToken.ts'
import { statusOf } from './passwordSource.ts'
import { requestAccountToken } from './session.ts'

const TOKEN_MINUTES = 15

/** The scopes that the move still needs. */
const neededScopes = async (who: Who, target: Target): Promise<Scope[]> => {
  const rotated = who.pds === target.origin
  const absent = (await target.state(who.did)) === 'absent'
  return [
    ...(absent ? (['account:create'] as const) : []),
    ...(rotated ? [] : (['repo:read', 'preferences:read'] as const)),
    'blob:read',
    ...(rotated || !who.did.startsWith('did:plc:') ? [] : (['plc:sign'] as const)),
  ]
}

/** How a token source gets its tokens, and what it can do without one. */
export interface TokenSupply {
  /** A token; `why` is set if it is not the first, and `check` says what is wrong with one. */
  next(asks: { why?: string; check: (token: string) => string | undefined }): Promise<string>
  /** The rotation keys that the source names as its own: a migration token does not open that. */
  namedKeys?(): Promise<readonly string[] | undefined>
  deactivate?(): Promise<void>
  fence?(on: boolean): Promise<void>
}

/** A Cirrus as the source, with migration tokens. They are valid for 15 minutes: another one is got when it is needed. */
export async function openTokenSource(
  supply: TokenSupply,
  { origin, who, target, deps }: { origin: string; who: Who; target: Target; deps: MoverDeps },
): Promise<Source> {
  const { did } = who
  const needs = await neededScopes(who, target)
  const check = (token: string) =>
    checkToken(token, {
      did,
      origin: target.origin,
      serviceDid: target.serviceDid,
      now: deps.now(),
      needs,
    })
  const problem = (token: string) => {
    try {
      check(token.trim())
      return undefined
    } catch (cause) {
      return cause instanceof MoverError ? `${cause.message}. ${cause.next}.` : String(cause)
    }
  }
  let token = (await supply.next({ check: problem })).trim()
  const scopes = check(token)
  const renewToken = async () => {
    token = (await supply.next({ why: 'The token has expired.', check: problem })).trim()
    check(token)
    return token
  }
  const client = connect(origin, { token, renewToken, fetch: deps.fetch })
  const byToken = scopes.includes('account:deactivate')
    ? () => ofSource(client.com.atproto.server.deactivateAccount({}))
    : undefined
  // What may deactivate may hold writes back too, for as long as the token is valid.
  const fenceByToken = byToken
    ? async (on: boolean) => {
        await ofSource(client.com.cirrus.admin.fenceWrites({ minutes: on ? TOKEN_MINUTES : 0 }))
      }
    : undefined
  const { deactivate = byToken, fence = fenceByToken, namedKeys = async () => undefined } = supply
  const sign: Source['sign'] = async ({ rotationKeys, alsoKnownAs, verificationMethods, services }) => {
    const request = () => ({
      token,
      rotationKeys,
      alsoKnownAs,
      verificationMethods,
      services: { ...services },
    })
    return (await ofSource(client.com.atproto.identity.signPlcOperation(request()))).operation
  }
  return {
    kind: 'cirrus',
    did,
    origin,
    name: origin,
    client,
    accountToken: (aud) => requestAccountToken(client, aud, deps.now()),
    namedKeys,
    readToken: async (refused) => (refused ? await renewToken() : token),
    sign,
    ...(fence ? { fence } : {}),
    ...(deactivate ? { deactivate } : {}),
    status: () => ofSource(statusOf(client)),
    end: async () => {},
  }
}

/** A Cirrus as the source, with the migration token that its owner gives. */
export const tokenSource = (options: { origin: string; owner: Owner; deps: MoverDeps }): SourceOpener => ({
  origin: options.origin,
  open: (who, target) => {
    const { origin, owner, deps } = options
    const next: TokenSupply['next'] = (asks) =>
      owner.answer('migrationToken', { origin, target: target.origin, ...asks })
    return openTokenSource({ next }, { origin, who, target, deps })
  },
})
