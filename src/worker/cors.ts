/**
 * Any web page may call a PDS: there are no cookies, so a page has only the credentials that it was given.
 * itty-router's own `corsify` is not used: it spreads the response, which loses the status where that is a getter of
 * the prototype, so that every error would become a 200.
 */
const CORS_HEADERS: Record<string, string> = {
  'access-control-allow-origin': '*',
  // Without cookies, `*` means every header of the answer.
  'access-control-expose-headers': '*',
}

const PREFLIGHT_HEADERS: Record<string, string> = {
  'access-control-allow-methods': 'GET, HEAD, POST, OPTIONS',
  'access-control-max-age': '86400',
}

/** Answers a preflight request. `*` would not cover `authorization`, so the list that was asked for is returned. */
export const preflight = (request: Request): Response | undefined => {
  if (request.method !== 'OPTIONS') return undefined
  const response = new Response(null, { status: 204, headers: { ...CORS_HEADERS, ...PREFLIGHT_HEADERS } })
  const asked = request.headers.get('access-control-request-headers')
  if (asked) response.headers.set('access-control-allow-headers', asked.slice(0, 1024))
  response.headers.set('vary', 'access-control-request-headers')
  return response
}

/** The same response, open to every origin. A stream passes through unchanged. */
export const corsify = (response: Response): Response => {
  if (response.status === 101 || response.headers.has('access-control-allow-origin')) return response
  const open = new Response(response.body, response)
  for (const [name, value] of Object.entries(CORS_HEADERS)) open.headers.set(name, value)
  return open
}
