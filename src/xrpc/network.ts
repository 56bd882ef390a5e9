/**
 * The network of a caller, from the `cf-connecting-ip` header: an IPv4 address, or the /64 of an IPv6 address, all of
 * which belongs to one holder. Cloudflare sets the header and removes what a client sends in it.
 */
export const networkOf = (address: string | null): string | undefined => {
  const text = address?.trim().toLowerCase().slice(0, 64)
  if (!text?.includes(':')) return text || undefined
  // An IPv4 address as servers that listen on both kinds write it: `::ffff:192.0.2.1`.
  const mapped = /^(?:::|(?:0+:){5})ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(text)?.[1]
  if (mapped !== undefined) return mapped
  const [head = '', tail] = text.split('::')
  const [front, back] = [head, tail ?? ''].map((half) => half.split(':').filter(Boolean))
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - (front?.length ?? 0) - (back?.length ?? 0))
  const groups = [...(front ?? []), ...Array.from({ length: zeros }, () => '0'), ...(back ?? [])]
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`
}

/** Whether this is not a network of a caller on the internet: a local server sees the loopback address, or nothing. */
export const isLocal = (network: string | undefined): boolean =>
  network === undefined || network.startsWith('127.') || network === '0:0:0:0::/64'
