import { IdentityError } from '../../identity/errors.ts'
import { createHandleLookup } from '../../identity/handleResolver.ts'
import { isObject, type JsonObject } from '../../isObject.ts'
import { type Outbound, OutboundError } from '../../outbound.ts'
import { type Directory, DirectoryError } from '../../plc/directory.ts'
import type { VerifiedLog } from '../../plc/types.ts'
import { isTid } from '../../repo/tid.ts'
import { type Check, fail, pass, warn } from '../check.ts'

/** The log of the DID, and whether its head names the target with a key. */
export async function checkDirectory(
  directory: Directory,
  did: string,
  origin: string,
): Promise<{ check: Check; log?: VerifiedLog }> {
  try {
    const log = await directory.log(did)
    const { data, cid } = log.head
    if (!data) return { log, check: fail('directory', `${did} has been tombstoned`, 'nothing can be done') }
    const endpoint = data.services['atproto_pds']?.endpoint ?? 'no PDS'
    const names = URL.canParse(endpoint) && new URL(endpoint).origin === origin
    return {
      log,
      check: names
        ? pass(
            'directory',
            `the head ${cid} names ${origin}, and the key ${data.verificationMethods['atproto']}`,
          )
        : fail('directory', `the DID names ${endpoint}, not ${origin}`, 'run `pds move` again: it goes on'),
    }
  } catch (cause) {
    if (!(cause instanceof DirectoryError)) throw cause
    return { check: fail('directory', cause.message, 'run `pds verify` again later') }
  }
}

/** Whether the DID's handle resolves to it. With `dev`, names like alice.test lead nowhere and are not asked for. */
export async function checkHandle(
  send: Outbound,
  did: string,
  handle: string | undefined,
  dev: boolean,
): Promise<Check> {
  const mend = `set a DNS record _atproto.${handle} TXT "did=${did}", or take another handle on the target`
  if (handle === undefined)
    return fail('handle', `${did} has no handle`, 'take one on the target: updateHandle, or its settings')
  if (dev) return warn('handle', `${handle} was not looked up: this is a local network`, mend)
  try {
    const found = await createHandleLookup({ send })(handle)
    return found === did
      ? pass('handle', `${handle} resolves to ${did}`)
      : fail('handle', `${handle} resolves to ${found}, not to ${did}`, mend)
  } catch (cause) {
    if (!(cause instanceof IdentityError)) throw cause
    return fail('handle', cause.message, mend)
  }
}

const ask = async (send: Outbound, url: string): Promise<{ status: number; body: JsonObject }> => {
  const answer = await send(url, { accept: 'application/json', maxBytes: 64 * 1024, statuses: 'any' })
  const text = await answer.text()
  try {
    const body: unknown = JSON.parse(text)
    return { status: answer.status, body: isObject(body) ? body : {} }
  } catch {
    return { status: answer.status, body: {} }
  }
}

/** Whether a relay follows the account on the target: it has a revision that only the target can have signed. */
export async function checkRelay(
  send: Outbound,
  relay: string,
  did: string,
  target: { origin: string; rev: string },
): Promise<Check> {
  const id = `relay ${new URL(relay).host}`
  const mend = `have the target ask for it: requestCrawl with its host name at ${relay}; then run \`pds verify\` again`
  try {
    const { status, body } = await ask(
      send,
      `${relay}/xrpc/com.atproto.sync.getRepoStatus?did=${encodeURIComponent(did)}`,
    )
    if (status !== 200) return warn(id, `it answers ${status} for the account`, mend)
    if (body['active'] !== true) return warn(id, `it takes the account for ${String(body['status'])}`, mend)
    const { rev } = body
    if (typeof rev !== 'string' || !isTid(rev))
      return warn(id, 'it says that the account is active, and not which revision it has', mend)
    return rev >= target.rev
      ? pass(id, `it has revision ${rev} of the account`)
      : warn(id, `it has revision ${rev}, the target ${target.rev}`, mend)
  } catch (cause) {
    if (!(cause instanceof OutboundError)) throw cause
    return warn(id, cause.message, mend)
  }
}
