import { isValidDid } from '@atproto/syntax'
import { isObject } from '../isObject.ts'
import type { Outbound } from '../outbound.ts'
import { IdentityError } from './errors.ts'

const DNS_OVER_HTTPS = 'https://cloudflare-dns.com/dns-query'

/** TXT data is quoted, in one or more pieces. */
const unquote = (data: string): string =>
  data.startsWith('"') ? [...data.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, piece]) => piece).join('') : data

/** The DID in the TXT records of a name, as `did=…`. Undefined if there is none; two are refused. */
export const lookUpTxtDid = async (
  send: Outbound,
  name: string,
  dnsUrl = DNS_OVER_HTTPS,
): Promise<string | undefined> => {
  const url = new URL(dnsUrl)
  url.searchParams.set('name', name)
  url.searchParams.set('type', 'TXT')
  const answer = await (await send(url.href, { accept: 'application/dns-json', maxBytes: 64 * 1024 })).json()
  const records: unknown[] = isObject(answer) && Array.isArray(answer.Answer) ? answer.Answer : []
  const dids = records
    .filter(isObject)
    .filter(({ type, data }) => type === 16 && typeof data === 'string')
    .map(({ data }) => unquote(String(data)))
    .filter((text) => text.startsWith('did='))
    .map((text) => text.slice('did='.length).trim())
  if (dids.length > 1) throw new IdentityError('BadAnswer', `${name} names more than one DID`)
  return dids.find((did) => isValidDid(did))
}
