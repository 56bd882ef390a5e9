import { OAuthError } from '../account/oauth/oauthError.ts'
import { XrpcError } from '../xrpc/errors.ts'

/** What an error that is no refusal becomes: the client learns its id only. */
export interface BugReport {
  newId(): string
  report(id: string, cause: unknown): void
}

const answer = (
  status: number,
  error: string,
  description: string,
  headers: Record<string, string>,
): Response => Response.json({ error, error_description: description }, { status, headers })

/** A refusal as OAuth has it (RFC 6749, section 5.2). What this server refuses anywhere, such as a large body, keeps its status. */
export const encodeOAuthError = (cause: unknown, { newId, report }: BugReport): Response => {
  if (cause instanceof OAuthError)
    return answer(
      cause.code === 'temporarily_unavailable' ? 503 : 400,
      cause.code,
      cause.message,
      cause.headers,
    )
  if (cause instanceof XrpcError && cause.status < 500)
    return answer(
      cause.status,
      cause.error === 'RateLimitExceeded' ? 'slow_down' : 'invalid_request',
      cause.message,
      cause.headers,
    )
  const id = newId()
  report(id, cause)
  return answer(500, 'server_error', `Internal error; reference ${id}`, {})
}
