import { didWeb } from './servers/didWeb.ts'

/** Something that can be deleted after a move. */
export interface CleanupStep {
  what: string
  how: string
  breaks: string
}

/** The account that moved away, and what it leaves on Cloudflare. */
export interface Deployment {
  did: string
  handle: string
  hostname: string
  /** As wrangler.toml names them; the ones of a new deployment where its folder is not here. */
  worker: string | undefined
  bucket: string | undefined
}

/** What can be deleted after a move, in which order, and what breaks with each. */
export function cleanupSteps({
  did,
  handle,
  hostname,
  worker = 'cirrus',
  bucket = 'cirrus-blobs',
}: Deployment): CleanupStep[] {
  const didIsHost = did === didWeb(hostname)
  const handleIsHost = handle === hostname
  const didWarning = didIsHost
    ? ` Your DID itself: ${did} is this host name. First serve /.well-known/did.json under it from elsewhere, or never delete it.`
    : ''
  const handleWarning = handleIsHost
    ? ` Your handle ${handle}, which this Worker vouches for: first change the handle, or set a DNS TXT record _atproto.${handle}.`
    : ''
  return [
    {
      what: 'the Worker',
      how: `npx wrangler delete ${worker}`,
      breaks: `Reading what the target may still lack, turning back, and every answer under ${hostname}. The database and the secrets are deleted with it.${didWarning}${handleWarning}`,
    },
    {
      what: 'the R2 bucket',
      how: `npx wrangler r2 bucket delete ${bucket}`,
      breaks:
        'The last copy of blobs that the target lacks. Keep it as an archive, or first check that checkAccountStatus of the target counts as many imported blobs as expected.',
    },
    {
      what: 'the DNS records',
      how: `in the Cloudflare dashboard, the records of ${hostname}`,
      breaks: `The name ${hostname}: anyone who registers the domain next speaks for it.${didWarning ? ' Your DID is lost with it.' : ''}${handleIsHost ? ' Your handle is lost with it.' : ''}`,
    },
  ]
}

/** The steps as a numbered list. */
export const cleanupText = (list: readonly CleanupStep[]): string =>
  list.map(({ what, how, breaks }, n) => `  ${n + 1}. ${what}: ${how}\n     breaks: ${breaks}`).join('\n')
