/** The did:web of a host; a port is percent-encoded. It is also the service DID of a server on that host. */
export const didWeb = (host: string): string => `did:web:${host.replace(':', '%3A')}`
