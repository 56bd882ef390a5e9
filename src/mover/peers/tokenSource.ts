import { connect } from '../../client/index.ts'
import type { Scope } from '../../signing/migrationToken.ts'
import { directoryOf, isAt } from '../move.ts'
import { MoverError } from '../moverError.ts'
import { ofSource } from '../refusal.ts'
import type { MoverDeps } from '../moverDeps.ts'
import type { Owner } from '../owner.ts'
import type { Source, SourceOpener } from '../source.ts'
import type { Target } from '../target.ts'
import type { Who } from '../who.ts'
import { checkToken } from './checkToken.ts'
import { statusOf } from './passwordSource.ts'
import { requestAccountToken } from './session.ts'

const TOKEN_MINUTES = 15

/** The scopes that the move still needs. */
const neededScopes = async (who: Who, target: Target, rotated: boolean): Promise<Scope[]> => {
  const absent = (await target.state(who.did)) === 'absent'
  return [
    ...(absent ? (['account:create'] as const) : []),
    ...(rotated ? [] : (['repo:read', 'preferences:read'] as const)),
    'blob:read',
    ...(rotated || !who.did.startsWith('did:plc:') ? [] : (['plc:sign'] as const)),
  ]
}

/** Whether the DID names the target by now: a Cirrus that the account has left gives no token to sign with. */
const isRotated = async (who: Who, target: Target, deps: MoverDeps): Promise<boolean> => {
  if (!who.did.startsWith('did:plc:')) return false
  const head = await directoryOf(deps)
    .head(who.did)
    .catch(() => undefined)
  return head?.data ? isAt(head.data, target.origin, undefined) : false
}

/** How a token source gets its tokens, and what it can do without one. */
export interface TokenSupply {
  /** A token; `why` is set if it is not the first, and `check` says what is wrong with one, which needs these scopes. */
  next(asks: {
    why?: string
    needs: readonly Scope[]
    check: (token: string) => string | undefined
  }): Promise<string>
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
  let needs = await neededScopes(who, target, who.pds === target.origin)
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
  let token = (await supply.next({ needs, check: problem })).trim()
  const scopes = check(token)
  const renewToken = async () => {
    needs = await neededScopes(who, target, await isRotated(who, target, deps))
    token = (await supply.next({ why: 'The token has expired.', needs, check: problem })).trim()
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
        // The clean-up asks for no other token: a fence lasts no longer than its own.
        const { cleanUpFetch: fetch } = deps
        const { com } = deps.signal.aborted && fetch ? connect(origin, { token, fetch }) : client
        await ofSource(com.cirrus.admin.fenceWrites({ minutes: on ? TOKEN_MINUTES : 0 }))
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
    end: async () => [],
  }
}

/** A Cirrus as the source, with the migration token that its owner gives. */
export const tokenSource = (options: { origin: string; owner: Owner; deps: MoverDeps }): SourceOpener => ({
  origin: options.origin,
  open: (who, target) => {
    const { origin, owner, deps } = options
    const next: TokenSupply['next'] = ({ why, check }) =>
      owner.answer('migrationToken', {
        origin,
        target: target.origin,
        check,
        ...(why === undefined ? {} : { why }),
      })
    return openTokenSource({ next }, { origin, who, target, deps })
  },
})
