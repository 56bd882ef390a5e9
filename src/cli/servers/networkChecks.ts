import { createHandleLookup } from '../../identity/handleResolver.ts'
import { isObject } from '../../isObject.ts'
import { type Outbound, outbound } from '../../outbound.ts'
import { messageOf } from '../errors.ts'
import type { ServerAddress } from '../project/config.ts'
import type { Io } from '../terminal/io.ts'
import { type Check, fail, ok, warn } from './check.ts'

const DNS_OVER_HTTPS = 'https://cloudflare-dns.com/dns-query'
/** Tokens live a minute, and a service that checks one allows little more. */
const MAX_CLOCK_DIFFERENCE_MS = 30_000

/** The account, as far as it is known without the server. */
export interface KnownAccount {
  readonly did: string
  readonly handle: string
}

/** How the server looks from here, without a credential. */
export async function checkNetwork(
  io: Io,
  address: ServerAddress,
  account: KnownAccount | undefined,
  /** The handle that the account has by now; the server may not answer. */
  handleNow: Promise<string | undefined> = Promise.resolve(undefined),
): Promise<Check[]> {
  const send = outbound({ fetch: io.fetch }, { dev: address.dev })
  const none = Promise.resolve<Check[]>([])
  const lines = await Promise.all([
    address.dev ? none : listOf(checkDns(send, new URL(address.origin).hostname)),
    checkAnswers(io, address),
    account ? listOf(checkDidJson(io, address, account)) : none,
    account && !address.dev
      ? listOf(handleNow.then((handle = account.handle) => checkHandle(send, { ...account, handle })))
      : none,
  ])
  return lines.flat()
}

const listOf = async (check: Promise<Check>): Promise<Check[]> => [await check]

const checkDns = async (send: Outbound, hostname: string): Promise<Check> => {
  try {
    const found = await Promise.all(['A', 'AAAA'].map((type) => lookUp(send, hostname, type)))
    const addresses = found.flat()
    if (addresses.length > 0) return ok('DNS', `${hostname} is ${addresses.slice(0, 3).join(', ')}`)
    return fail('DNS', `${hostname} has no address`, 'deploy with the custom domain: `npx wrangler deploy`')
  } catch (cause) {
    return warn('DNS', `it could not be asked: ${messageOf(cause)}`, 'check the network of this machine')
  }
}

const lookUp = async (send: Outbound, name: string, type: string): Promise<string[]> => {
  const url = `${DNS_OVER_HTTPS}?name=${encodeURIComponent(name)}&type=${type}`
  const answer = await (await send(url, { accept: 'application/dns-json', maxBytes: 64 * 1024 })).json()
  const records: unknown[] = isObject(answer) && Array.isArray(answer['Answer']) ? answer['Answer'] : []
  return records
    .filter(isObject)
    .filter(({ type: found }) => found === 1 || found === 28)
    .map(({ data }) => String(data).slice(0, 50))
}

/** The system's or OpenSSL's code of a request that failed, such as CERT_HAS_EXPIRED. */
const codeOf = (cause: unknown): string => {
  const inner: unknown = cause instanceof Error ? (cause.cause ?? cause) : cause
  return isObject(inner) && typeof inner['code'] === 'string' ? inner['code'] : messageOf(inner)
}

const checkAnswers = async (io: Io, { origin, dev }: ServerAddress): Promise<Check[]> => {
  const name = dev ? 'Server' : 'Certificate'
  try {
    const answer = await io.fetch(`${origin}/xrpc/_health`, { redirect: 'manual' })
    const health: unknown = await answer.json().catch(() => undefined)
    if (!isObject(health) || typeof health['version'] !== 'string')
      return [
        ok(name, `${origin} answers`),
        fail('Worker', `it answers ${answer.status}, and not as a Cirrus`, 'deploy: `npx wrangler deploy`'),
      ]
    return [
      ok(name, `${origin} answers`),
      ok('Worker', `Cirrus ${health['version']}`),
      ...checkClock(answer.headers.get('date'), io.now()),
    ]
  } catch (cause) {
    const code = codeOf(cause)
    const isTls = /CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO/.test(code)
    return [
      fail(
        name,
        `${origin} ${isTls ? 'has no valid certificate' : 'does not answer'} (${code})`,
        isTls
          ? 'wait some minutes after the first deploy: Cloudflare issues it then'
          : 'deploy (`npx wrangler deploy`), and check the DNS record',
      ),
    ]
  }
}

const checkClock = (date: string | null, now: number): Check[] => {
  const server = Date.parse(date ?? '')
  if (Number.isNaN(server)) return []
  const difference = Math.round((now - server) / 1000)
  if (Math.abs(difference) * 1000 <= MAX_CLOCK_DIFFERENCE_MS)
    return [ok('Clock', 'this machine and the server agree')]
  return [
    warn(
      'Clock',
      `this machine is ${Math.abs(difference)} s ${difference > 0 ? 'ahead of' : 'behind'} the server`,
      'set the clock of this machine: tokens that it checks look expired, or not valid yet',
    ),
  ]
}

const checkDidJson = async (io: Io, { origin }: ServerAddress, { did }: KnownAccount): Promise<Check> => {
  const name = 'did.json'
  const own = `did:web:${new URL(origin).host.replace(':', '%3A')}`
  try {
    const answer = await io.fetch(`${origin}/.well-known/did.json`, { redirect: 'manual' })
    const document: unknown = await answer.json().catch(() => undefined)
    const id = isObject(document) ? document['id'] : undefined
    if (id === own)
      return ok(name, did === own ? 'the account’s DID document' : 'the server’s own DID document')
    return fail(
      name,
      `${origin}/.well-known/did.json answers ${answer.status} and is not that of ${own}`,
      'check HOSTNAME in wrangler.toml, and that nothing else answers at this path',
    )
  } catch (cause) {
    return fail(name, `it cannot be read (${codeOf(cause)})`, 'first make the server answer')
  }
}

const checkHandle = async (send: Outbound, { did, handle }: KnownAccount): Promise<Check> => {
  const next = `add a DNS record _atproto.${handle} TXT "did=${did}", or serve the DID at https://${handle}/.well-known/atproto-did`
  try {
    const found = await createHandleLookup({ send })(handle)
    if (found === did) return ok('Handle', `${handle} names ${did}`)
    return fail('Handle', `${handle} names ${found}, not ${did}`, next)
  } catch (cause) {
    return fail('Handle', messageOf(cause), next)
  }
}
