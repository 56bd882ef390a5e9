/** The eight groups of an IPv6 address in hexadecimal without leading zeros; the last two may be written as IPv4. */
const groupsOf = (address: string): string[] => {
  const hex = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = parts.slice(0, 4).map(Number)
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
  })
  const [head = '', tail] = hex.split('::')
  const [front = [], back = []] = [head, tail ?? ''].map((half) => half.split(':').filter(Boolean))
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - front.length - back.length)
  const groups = [...front, ...Array.from({ length: zeros }, () => '0'), ...back]
  return groups.map((group) => group.replace(/^0+(?=.)/, ''))
}

/**
 * The network of a caller, from the `cf-connecting-ip` header: an IPv4 address, or the /64 of an IPv6 address, all of
 * which belongs to one holder. Cloudflare sets the header and removes what a client sends in it.
 */
export const networkOf = (address: string | null): string | undefined => {
  const text = address?.trim().toLowerCase().slice(0, 64)
  if (!text?.includes(':')) return text || undefined
  const groups = groupsOf(text)
  // An IPv4 address as servers that listen on both kinds write it, in any spelling: `::ffff:192.0.2.1`.
  if (/^(0:){5}ffff:/.test(groups.join(':')) && groups.length === 8) {
    const [high = 0, low = 0] = groups.slice(6).map((group) => Number.parseInt(group, 16))
    return [high >> 8, high & 255, low >> 8, low & 255].join('.')
  }
  return `${groups.slice(0, 4).join(':')}::/64`
}

/** Where the Workers of all customers of Cloudflare ask from: servers of apps among them, and other Cirruses. */
const WORKERS = '2a06:98c0:3600:0::/64'

/**
 * The network of a request. Of one that a Worker sent it is the zone of that Worker, which Cloudflare names in `cf-worker`:
 * otherwise a stranger with a Worker would use up the share of all.
 */
export const callerNetwork = (headers: Headers): string | undefined => {
  const network = networkOf(headers.get('cf-connecting-ip'))
  const zone = headers.get('cf-worker')
  return network === WORKERS && zone ? `worker ${zone.toLowerCase().slice(0, 255)}` : network
}

/** Whether this is not a network of a caller on the internet: a local server sees the loopback address, or nothing. */
export const isLocal = (network: string | undefined): boolean =>
  network === undefined || network.startsWith('127.') || network === '0:0:0:0::/64'

/** The /24 of an IPv4 network, the /48 of an IPv6 one: neighbours, who are often one holder, and sometimes strangers. */
export const blockOf = (network: string | undefined): string | undefined =>
  network?.includes(':') ? network.split(':').slice(0, 3).join(':') : network?.replace(/\.\d+$/, '')

/** The /16 of an IPv4 network, the /32 of an IPv6 one: all that one provider of access or of servers has, or a part. */
export const regionOf = (network: string | undefined): string | undefined =>
  network?.includes(':')
    ? network.split(':').slice(0, 2).join(':')
    : network?.split('.').slice(0, 2).join('.')
