/** Top-level names that are never on the public network (RFC 6761, 6762, 7686, 9476, and common practice). */
const LOCAL_TOP_LEVEL = new Set(
  (
    'alt arpa consul corp docker example home internal intranet invalid kube lan local localdomain localhost localnet ' +
    'nomad onion private svc test'
  ).split(' '),
)
/** Public names whose addresses, and those of all names below them, are loopback: made for local development. */
const LOOPBACK_DOMAINS = new Set(
  (
    'ddev.site fuf.me lacolhost.com lcl.host lndo.site local.gd localdev.me localho.st localhost.direct ' +
    'localtest.me lvh.me smackaho.st ulh.us vcap.me'
  ).split(' '),
)
/** Below these, a name resolves to the address that is written in it, in one of several notations. */
const ADDRESS_DOMAINS = new Set(
  '1u.ms backname.io local-ip.co local-ip.sh nip.io plex.direct rbndr.us sslip.io traefik.me xip.io xip.name'.split(
    ' ',
  ),
)

/** IPv4 addresses that are not on the public network (RFC 6890): loopback, private, link-local, shared, reserved. */
const isPublicAddress = ([a = 0, b = 0, c = 0]: readonly number[]): boolean =>
  !(
    a === 0 ||
    a === 10 ||
    a === 127 ||
    a >= 224 ||
    (a === 100 && b >= 64 && b <= 127) ||
    (a === 169 && b === 254) ||
    (a === 172 && b >= 16 && b <= 31) ||
    (a === 192 && (b === 168 || (b === 0 && (c === 0 || c === 2)))) ||
    (a === 198 && (b === 18 || b === 19 || (b === 51 && c === 100))) ||
    (a === 203 && b === 0 && c === 113)
  )

/** Every four numbers in a row that may be an IPv4 address, with dots or dashes between them. */
const addressesIn = (words: readonly string[]): number[][] => {
  const numbers = words.map((word) =>
    /^\d{1,3}$/.test(word) && Number(word) <= 255 ? Number(word) : undefined,
  )
  return numbers.flatMap((_, n) => {
    const four = numbers.slice(n, n + 4).filter((it) => it !== undefined)
    return four.length === 4 ? [four] : []
  })
}

/**
 * Why a name is not on the public network, as far as the name alone tells; undefined if it may be. Any other name may
 * still resolve to a private address: see docs/limits.md.
 */
export const localName = (hostname: string): string | undefined => {
  const labels = hostname.split('.')
  if (labels.length < 2 || LOCAL_TOP_LEVEL.has(labels.at(-1) ?? '')) return 'a local name'
  const suffixes = labels.map((_, n) => labels.slice(n).join('.'))
  if (suffixes.some((suffix) => LOOPBACK_DOMAINS.has(suffix))) return 'a name for local development'
  const words = hostname.split(/[.-]/)
  const addresses = addressesIn(words)
  if (addresses.some((address) => !isPublicAddress(address))) return 'a name with a private address in it'
  const domain = suffixes.find((suffix) => ADDRESS_DOMAINS.has(suffix))
  if (domain === undefined) return undefined
  // Other notations (hexadecimal, IPv6) could hide a private address: nothing but one dotted or dashed IPv4 address.
  const own = hostname.slice(0, -domain.length - 1).split(/[.-]/)
  const isPlain = own.every((word) => /^\d+$/.test(word) || /[g-z]/.test(word))
  const count = own.filter((word) => /^\d+$/.test(word)).length
  return isPlain && count === 4 && addressesIn(own).length === 1
    ? undefined
    : `a name below ${domain} without a public IPv4 address`
}
