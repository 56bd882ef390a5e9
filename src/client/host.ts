const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/

/**
 * The origin that a caller means by `alice.example`, `localhost:2583` or `https://alice.example`. Anything more
 * than an origin is refused: a path would be dropped without a word, and a password in a URL gets into logs.
 */
export function originOf(host: string): string {
  const whole = host.includes('://')
  try {
    const url = new URL(whole ? host : `https://${host}`)
    const local = LOOPBACK.test(url.hostname)
    if (local && !whole) url.protocol = 'http:'
    if (url.href === `${url.origin}/` && (local || url.protocol === 'https:')) return url.origin
  } catch {
    // Not a URL at all: the same answer.
  }
  // What is before an @ may be a password.
  throw new TypeError(
    `"${host.replace(/.*@/, '…@')}" is not a host: give a name such as alice.example or an origin such as https://alice.example, without a path; http only for localhost`,
  )
}
