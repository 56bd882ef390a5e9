import type { AppView } from '../../generated/types/com/cirrus/admin/getReach.ts'
import type { Service } from '../../configValues.ts'
import { parseJsonObject } from '../../parseJsonObject.ts'
import { type Outbound, OutboundError } from '../../outbound.ts'
import { isTid, parseTid } from '../../repo/tid.ts'
import type { ServiceAuth } from '../auth/tokens/serviceAuth.ts'
import { readAccount, stateOf } from '../db/accountRow.ts'
import { readHead } from '../db/head.ts'
import type { Sql } from '../db/sql.ts'

export interface AppViewReachDeps {
  sql: Sql
  did: string
  serviceAuth: Pick<ServiceAuth, 'sign'>
  send: Outbound
  appView: Service | undefined
}

const METHOD = 'app.bsky.actor.getProfile'
const MAX_ANSWER_BYTES = 256 * 1024

/** Asks the AppView, as the account itself, for the account's profile. */
export const readAppViewReach = async (deps: AppViewReachDeps): Promise<AppView | undefined> => {
  const { sql, did, serviceAuth, send, appView } = deps
  if (!appView || stateOf(readAccount(sql)) !== 'active') return undefined
  const { url } = appView
  try {
    const bearer = await serviceAuth.sign({ aud: appView.did, lxm: METHOD })
    const answer = await send(`${url}/xrpc/${METHOD}?actor=${encodeURIComponent(did)}`, {
      bearer,
      maxBytes: MAX_ANSWER_BYTES,
      statuses: 'any',
    })
    const body = parseJsonObject(await answer.text())
    // The answer of AppViews to a DID that they have not seen.
    if (answer.status === 400 && body['message'] === 'Profile not found') return { url, known: false }
    if (answer.status !== 200 || body['did'] !== did) return { url, error: `it answered ${answer.status}` }
    const handle = body['handle']
    return {
      url,
      known: true,
      ...(typeof handle === 'string' && { handle: handle.slice(0, 253) }),
      ...lagOf(answer.headers.get('atproto-repo-rev'), readHead(sql)?.rev),
    }
  } catch (cause) {
    if (!(cause instanceof OutboundError)) throw cause
    return { url, error: cause.message }
  }
}

/** A revision is a time, so two of them say how long the AppView is behind. */
const lagOf = (indexed: string | null, latest: string | undefined): Pick<AppView, 'rev' | 'behindMs'> => {
  if (indexed === null || !isTid(indexed) || latest === undefined) return {}
  const behindMicros = parseTid(latest).micros - parseTid(indexed).micros
  return { rev: indexed, behindMs: Math.max(0, Math.ceil(behindMicros / 1000)) }
}
