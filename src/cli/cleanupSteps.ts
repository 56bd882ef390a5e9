/** What can be deleted after a move, in which order, and what breaks with each. */
export interface CleanupStep {
  what: string
  how: string
  breaks: string
}

export interface Deployment {
  did: string
  handle: string
  hostname: string
  worker: string
  bucket: string
}

export function cleanupSteps({ did, handle, hostname, worker, bucket }: Deployment): CleanupStep[] {
  const own = did === `did:web:${hostname.replace(':', '%3A')}`
  const named = handle === hostname
  const identity = own
    ? ` Your DID itself: ${did} is this host name. Put /.well-known/did.json up elsewhere under it first, or never delete it.`
    : ''
  const name = named
    ? ` Your handle ${handle}, which this Worker vouches for: change the handle first, or set a DNS TXT record _atproto.${handle}.`
    : ''
  return [
    {
      what: 'the Worker',
      how: `npx wrangler delete ${worker}`,
      breaks: `Reading what the target may still miss, turning back, and every answer under ${hostname}; the database goes with it, and the secrets.${identity}${name}`,
    },
    {
      what: 'the R2 bucket',
      how: `npx wrangler r2 bucket delete ${bucket}`,
      breaks:
        'The last copy of blobs that the target lacks. Keep it as an archive, or see first that checkAccountStatus of the target counts as many imported as expected.',
    },
    {
      what: 'the DNS records',
      how: `in the Cloudflare dashboard, the records of ${hostname}`,
      breaks: `The name ${hostname}: whoever takes the domain over speaks for it.${identity ? ' With it goes your DID.' : ''}${named ? ' And the handle.' : ''}`,
    },
  ]
}

export const cleanupText = (list: readonly CleanupStep[]): string =>
  list.map(({ what, how, breaks }, n) => `  ${n + 1}. ${what}: ${how}\n     breaks: ${breaks}`).join('\n')
