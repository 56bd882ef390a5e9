export interface BadCredential {
  readonly name: string
  /** The value of the Authorization header. */
  readonly header: string
  /** What a Cirrus says of it. */
  readonly error: string
  /** Only for a Cirrus: elsewhere a wrong password at every method would count against the caller. */
  readonly isHouse?: true
}

const base64url = (value: unknown): string =>
  btoa(JSON.stringify(value)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')

/** A token with the right claims and a signature that anyone could have made. */
const unsigned = (did: string, alg: string): string => {
  const claims = { scope: 'com.atproto.access', sub: did, iss: did, aud: did, iat: 1, exp: 4_102_444_800 }
  return `${base64url({ typ: 'at+jwt', alg })}.${base64url(claims)}.${alg === 'none' ? '' : 'A'.repeat(43)}`
}

/** Credentials that no server may take. */
export const BAD_CREDENTIALS = (did: string): readonly BadCredential[] => [
  { name: 'a Bearer that is not a token', header: 'Bearer garbage', error: 'InvalidToken' },
  { name: 'a token with alg none', header: `Bearer ${unsigned(did, 'none')}`, error: 'InvalidToken' },
  {
    name: 'a token with a forged signature',
    header: `Bearer ${unsigned(did, 'HS256')}`,
    error: 'InvalidToken',
  },
  {
    name: 'a Bearer with three parts of nothing',
    header: 'Bearer a.b.c',
    error: 'InvalidToken',
    isHouse: true,
  },
  {
    name: 'an unknown kind of credential',
    header: 'Digest username="admin"',
    error: 'InvalidToken',
    isHouse: true,
  },
  {
    name: 'Basic with a wrong password',
    header: `Basic ${btoa('admin:this-is-not-it')}`,
    error: 'AuthenticationRequired',
    isHouse: true,
  },
  { name: 'Basic that is not base64', header: 'Basic !!!', error: 'InvalidToken', isHouse: true },
]
