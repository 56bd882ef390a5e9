import { didWeb } from './didWeb.ts'

/** Something that can be deleted after a move. */
export interface CleanupStep {
  what: string
  how: string
  breaks: string
}

/** What an account leaves behind when it has moved away. */
export interface Deployment {
  did: string
  handle: string
  hostname: string
  worker: string
  bucket: string
}

/** What can be deleted after a move, in which order, and what breaks with each. */
export function cleanupSteps({ did, handle, hostname, worker, bucket }: Deployment): CleanupStep[] {
  const own = did === didWeb(hostname)
  const named = handle === hostname
  const identity = own
    ? ` Your DID itself: ${did} is this host name. First serve /.well-known/did.json under it from elsewhere, or never delete it.`
    : ''
  const name = named
    ? ` Your handle ${handle}, which this Worker vouches for: first change the handle, or set a DNS TXT record _atproto.${handle}.`
    : ''
  return [
    {
      what: 'the Worker',
      how: `npx wrangler delete ${worker}`,
      breaks: `Reading what the target may still lack, turning back, and every answer under ${hostname}. The database and the secrets are deleted with it.${identity}${name}`,
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
      breaks: `The name ${hostname}: whoever registers the domain next speaks for it.${identity ? ' Your DID is lost with it.' : ''}${named ? ' Your handle is lost with it.' : ''}`,
    },
  ]
}

/** The steps as a numbered list. */
export const cleanupText = (list: readonly CleanupStep[]): string =>
  list.map(({ what, how, breaks }, n) => `  ${n + 1}. ${what}: ${how}\n     breaks: ${breaks}`).join('\n')
