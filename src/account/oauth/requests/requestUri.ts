const PREFIX = 'urn:ietf:params:oauth:request_uri:req-'

/** How a pushed request is named to the browser that opens it (RFC 9126). */
export const formatRequestUri = (secret: string): string => PREFIX + secret

/** The secret of a request; undefined for what is not a name of one. */
export const parseRequestUri = (uri: string): string | undefined =>
  uri.startsWith(PREFIX) && /^[0-9a-f]{32}$/.test(uri.slice(PREFIX.length))
    ? uri.slice(PREFIX.length)
    : undefined
