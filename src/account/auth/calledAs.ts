import { INTERNAL_PATHS } from '../../internalPaths.ts'

/** How a client called: what a proof of possession is checked against. */
export interface CalledAs {
  method: string
  url: string
  /** Names the request where the Worker asks about it more than once: its proof is taken once all the same. */
  once: string | undefined
}

/** The request itself, or the one that the Worker asks about, at a path that is open to nobody else. */
export const calledAs = ({ method, url }: Pick<Request, 'method' | 'url'>): CalledAs => {
  const { pathname, searchParams } = new URL(url)
  if (pathname !== INTERNAL_PATHS.authorizeProxy) return { method, url, once: undefined }
  return {
    method: searchParams.get('verb') ?? '',
    url: searchParams.get('url') ?? '',
    once: searchParams.get('once') ?? undefined,
  }
}
