/** The host on which the document of a did:web is a file; undefined for another DID. */
export const didJsonHost = (did: string): string | undefined =>
  did.startsWith('did:web:') ? decodeURIComponent(did.slice('did:web:'.length)) : undefined
