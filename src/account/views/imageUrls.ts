import type { ImagePreset } from './view.ts'

/**
 * Where clients find the pictures of posts and profiles that were just written. With a pattern, at a CDN: `%s` stands,
 * in this order, for the preset, the DID and the CID. Without one, here: the blob itself, in full size.
 */
export const imageUrls =
  ({ did, origin, cdnUrlPattern }: { did: string; origin: string; cdnUrlPattern: string | undefined }) =>
  (preset: ImagePreset, cid: string): string => {
    if (cdnUrlPattern === undefined)
      return `${origin}/xrpc/com.atproto.sync.getBlob?${new URLSearchParams({ did, cid }).toString()}`
    const values = [preset, did, cid]
    return cdnUrlPattern.replaceAll('%s', () => values.shift() ?? '')
  }
