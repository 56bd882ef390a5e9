const LOOPBACK = /^http:\/\/(127\.0\.0\.1|\[::1\])(?=[/?]|$)/

/**
 * Whether a client may be answered at this address: exactly as it declares it; or on a loopback address that it declares
 * without a port, on any port, since a program takes the one that is free.
 */
export const isRedirectUri = (declared: readonly string[], uri: string): boolean =>
  declared.some((each) => {
    if (each === uri) return true
    const origin = LOOPBACK.exec(each)?.[0]
    if (origin === undefined || !uri.startsWith(`${origin}:`)) return false
    const rest = uri.slice(origin.length + 1)
    const port = /^[1-9]\d{0,4}/.exec(rest)?.[0]
    return (
      port !== undefined && Number(port) <= 65_535 && rest.slice(port.length) === each.slice(origin.length)
    )
  })
