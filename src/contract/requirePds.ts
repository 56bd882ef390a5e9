import { mediaType, type Asking } from './ask.ts'
import { ContractError } from './contractError.ts'

const METHOD = 'com.atproto.server.describeServer'

/** Throws what is wrong where nothing at this address speaks XRPC, before hundreds of findings say the same. */
export async function requirePds(ask: Asking, origin: string): Promise<void> {
  const { status, headers } = await ask(METHOD).catch((cause: unknown) => {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new ContractError('server-silent', `${origin}: ${message}`, { cause })
  })
  if (status === 429)
    throw new ContractError(
      'server-silent',
      `${origin} answers 429, too many requests, to the first one: try again later`,
    )
  const type = mediaType(headers)
  const isWebPage = type === 'text/html' || (status >= 300 && type !== 'application/json')
  // Whatever else is wrong with the answer is a finding.
  if (!isWebPage) return
  const refuse = (what: string): never => {
    throw new ContractError('not-a-pds', `${origin} ${what}`)
  }
  if (status >= 300 && status < 400)
    refuse(`redirects ${METHOD} to ${(headers.get('location') ?? 'nowhere').slice(0, 200)}`)
  refuse(`is not a PDS: to ${METHOD} it answers ${status} ${type.slice(0, 100) || 'without a type'}`)
}
