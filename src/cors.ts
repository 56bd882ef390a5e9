/**
 * Any web page may speak with a PDS: there are no cookies, so a page holds only the credentials that
 * it was given. (itty-router's `corsify` spreads the response, whose status is a
 * getter where getters stand on the prototype: every error would become a 200.)
 */
const HEADERS: Record<string, string> = {
  'access-control-allow-origin': '*',
  // Where there are no credentials `*` means every header we answer with.
  'access-control-expose-headers': '*',
}

const PREFLIGHT: Record<string, string> = {
  'access-control-allow-methods': 'GET, HEAD, POST, OPTIONS',
  'access-control-max-age': '86400',
}

/** Answers a browser that asks beforehand. `*` would not cover `authorization`: the list is given back. */
export const preflight = (request: Request): Response | undefined => {
  if (request.method !== 'OPTIONS') return undefined
  const response = new Response(null, { status: 204, headers: { ...HEADERS, ...PREFLIGHT } })
  const asked = request.headers.get('access-control-request-headers')
  if (asked) response.headers.set('access-control-allow-headers', asked.slice(0, 1024))
  response.headers.set('vary', 'access-control-request-headers')
  return response
}

/** The same response, open to every origin. A stream passes through untouched. */
export const corsify = (response: Response): Response => {
  if (response.status === 101 || response.headers.has('access-control-allow-origin')) return response
  const open = new Response(response.body, response)
  for (const [name, value] of Object.entries(HEADERS)) open.headers.set(name, value)
  return open
}
