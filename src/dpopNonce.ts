/** The header that has the nonce for an app's next proof (RFC 9449, section 8). */
export const DPOP_NONCE = 'dpop-nonce'

/** An answer with the nonce, where there is one. Its body passes through. */
export const withNonce = (answer: Response, nonce: string | undefined): Response => {
  if (nonce === undefined || answer.webSocket) return answer
  const { headers } = answer
  const changed = new Response(answer.body, answer)
  if (!headers.has(DPOP_NONCE)) changed.headers.set(DPOP_NONCE, nonce)
  return changed
}
