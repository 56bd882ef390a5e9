import type { Answer } from './send.ts'

type Field = keyof Answer

export interface Difference {
  reason: string
  /** The kinds of requests that it is about. */
  kinds: RegExp
  fields: readonly Field[]
  /** What both answer, where the difference is about that. */
  ours?: RegExp
  theirs?: RegExp
}

const TAKEN = /^201$|^\{expires_in, request_uri\}$/
const REFUSED = /^400$|^invalid_/
const STRICTER: Pick<Difference, 'fields' | 'ours' | 'theirs'> = {
  fields: ['status', 'body'],
  ours: REFUSED,
  theirs: TAKEN,
}
const LENIENT: Pick<Difference, 'fields' | 'ours' | 'theirs'> = {
  fields: ['status', 'body'],
  ours: TAKEN,
  theirs: REFUSED,
}

const METADATA: Difference[] = [
  {
    reason: 'The pages are in English and German.',
    kinds: /^member: ui_locales_supported /,
    fields: ['body'],
  },
  {
    reason: 'Nobody signs up here: there is one account.',
    kinds: /^(member: prompt_values_supported |par: prompt create$)/,
    fields: ['status', 'body'],
  },
  {
    reason:
      'No request objects: a request is pushed always, so that nothing is left for a signature on it to protect.',
    kinds: /^(member: request_(parameter|object)_|par: request(_uri|, a JWT)$)/,
    fields: ['status', 'body'],
  },
  {
    reason:
      'Only what workerd verifies; and no RSA for proofs, since each request has one and strangers choose the key.',
    kinds: /^member: (dpop|token_endpoint_auth)_signing_alg_values_supported /,
    fields: ['body'],
  },
  {
    reason:
      'It says how clients prove themselves when they revoke: unsaid, it would be by a secret (RFC 8414).',
    kinds: /^member: revocation_endpoint_auth_/,
    fields: ['body'],
  },
  {
    reason: 'The documents have the members that are listed by themselves.',
    kinds: /^metadata: (GET|GET from another origin|a query) \/.well-known\/oauth-authorization-server$/,
    fields: ['body'],
  },
  {
    reason: 'HEAD is answered wherever GET is (RFC 9110).',
    kinds: /^metadata: HEAD /,
    fields: ['status', 'cache'],
  },
  {
    reason: 'A document may be asked for with any header: none of them means anything.',
    kinds: /^metadata: preflight /,
    fields: ['cors'],
    ours: /, may send it$/,
  },
  {
    reason: 'A slash at the end makes no difference to what is only read.',
    kinds: /^metadata: a slash at the end /,
    fields: ['status', 'body', 'cache'],
  },
  {
    reason: 'This document changes as rarely as the other, and is kept as long.',
    kinds: /^metadata: (GET|GET from another origin|HEAD|a query) \/.well-known\/oauth-protected-resource$/,
    fields: ['cache'],
  },
]

const METHODS: Difference[] = [
  {
    reason: 'A path that is there says 405 to another method (RFC 9110); there, only PAR does.',
    kinds: /^method: (GET|HEAD|PUT|PATCH|DELETE) \/oauth\//,
    fields: ['status'],
    ours: /^405$/,
    theirs: /^404$/,
  },
  {
    reason: 'What is not there has no page of its own; there, Express writes one.',
    kinds: /^(method: |metadata: POST \/oauth\/jwks$)/,
    fields: ['body'],
    ours: /^$/,
    theirs: /^no JSON$/,
  },
  {
    reason: 'Pages of other origins can read each answer, those of a wrong method too.',
    kinds: /^method: /,
    fields: ['cors'],
    ours: /^\*$/,
    theirs: /^none$/,
  },
  {
    reason: 'A preflight allows the methods that there are, with any header: none of them means anything.',
    kinds: /^method: preflight for /,
    fields: ['cors'],
  },
]

const REQUESTS: Difference[] = [
  {
    reason: 'A parameter that is missing or empty is invalid_request (RFC 6749, section 5.2).',
    kinds: /^(par|token|body): (no |an empty |json that |a form with client_id twice)/,
    fields: ['body'],
    ours: /^invalid_request$/,
    theirs: /^invalid_(client|grant|client_metadata)$/,
  },
  {
    reason: 'An error has the name that RFC 6749 has for it, and not that of the schema that found it.',
    kinds:
      /^(par: (response_type unknown|an empty scope|a scope with .*)|body: json with a list|token: grant_type .*)$/,
    fields: ['body'],
    ours: /^(unsupported_response_type|unsupported_grant_type|invalid_scope)$/,
    theirs: /^invalid_(request|grant)$/,
  },
  {
    reason: 'The challenge is one of S256, in its one spelling: 32 bytes as base64url.',
    kinds: /^par: a code_challenge /,
    ...STRICTER,
  },
  {
    reason: 'A parameter that is empty is not there (RFC 6749, section 3.1).',
    kinds: /^par: (an empty prompt|login_hint: empty)$/,
    ...LENIENT,
  },
  {
    reason: 'A hint that says nothing here is not looked at (RFC 6749, section 3.1).',
    kinds: /^par: (ui_locales that|display unknown|max_age in words|authorization_details)/,
    ...LENIENT,
  },
  {
    reason:
      'A request that names another key than that of its proof is wrong in itself; there is no token yet.',
    kinds: /^par: dpop_jkt of another key$/,
    fields: ['status', 'body', 'authenticate'],
  },
  {
    reason: 'The members of JSON are text, as those of a form are: a number is the text of it.',
    kinds: /^body: json with a number$/,
    ...LENIENT,
  },
  {
    reason: 'OAuth knows no status but 400 for a body that it cannot read.',
    kinds: /^(body: (text|multipart|xml|no type)|token: a body of text)$/,
    fields: ['status'],
    ours: /^400$/,
    theirs: /^415$/,
  },
  {
    reason:
      'A parameter is sent once (RFC 6749, section 3.1): of two, one reader takes the first, another the last.',
    kinds: /^body: a form with a parameter twice$/,
    ...STRICTER,
  },
  {
    reason:
      'Whether there is a hint or which does not matter: the token is looked for in any case (RFC 7009).',
    kinds: /^revoke: a token_type_hint that is not known$/,
    fields: ['status', 'body'],
    ours: /^(200|\{\})$/,
  },
]

const CLIENTS: Difference[] = [
  {
    reason: 'A client has one id: its address as the URL parser spells it.',
    kinds: /^client id: "https:\/\/(client.oauth-interop.org:443|CLIENT.oauth-interop.org)\/public.json"$/,
    ...STRICTER,
  },
  {
    reason: 'invalid_client_id is an error that no specification has.',
    kinds: /^client id: /,
    fields: ['body'],
    ours: /^invalid_client_metadata$/,
    theirs: /^invalid_client_id$/,
  },
  {
    reason:
      'A redirect that a client must not declare makes its metadata wrong, whether or not the request names it.',
    kinds: /^document: redirect /,
    fields: ['body'],
    ours: /^invalid_client_metadata$/,
    theirs: /^invalid_(redirect_uri|request)$/,
  },
  {
    reason:
      'A redirect has no fragment (RFC 6749), and a private scheme is followed by one slash (the atproto profile).',
    kinds: /^document: redirect (https:\/\/app.example.org\/#a|org.oauth-interop.client:callback) /,
    ...STRICTER,
  },
  {
    reason:
      'What is not used is not looked at: no logo is fetched, nobody is written to, no other response is made.',
    kinds: /^document: (logo_uri |contacts |response_types unknown|a grant type twice)/,
    ...LENIENT,
  },
  {
    reason: 'Keys are fetched when there is an assertion to verify, and here there is none.',
    kinds: /^document: jwks_uri that is not there$/,
    fields: ['body'],
  },
]

const PROOFS: Difference[] = [
  {
    reason:
      'The authorization server answers 400 to a proof that is wrong (RFC 9449, section 5), as to one without a nonce.',
    kinds: /^(proof|token): /,
    fields: ['status', 'authenticate'],
    ours: /^(400)?$/,
    theirs: /^(401$|DPoP, error="invalid_dpop_proof")/,
  },
  {
    reason: 'A proof that says when it ends is over then; there, it is taken for three minutes longer.',
    kinds: /^proof: an exp that has passed$/,
    fields: ['body'],
    ours: /^invalid_dpop_proof$/,
    theirs: /^invalid_grant$/,
  },
  {
    reason: 'The type is dpop+jwt, in that one spelling (RFC 8725, section 3.11).',
    kinds: /^proof: typ: (capitals|with application\/)$/,
    fields: ['body'],
    ours: /^invalid_dpop_proof$/,
    theirs: /^invalid_grant$/,
  },
  {
    reason:
      'A key with private members was given away, whatever they are; one for something else is not for proofs.',
    kinds: /^proof: jwk: (with |for )/,
    fields: ['body'],
    ours: /^invalid_dpop_proof$/,
    theirs: /^invalid_grant$/,
  },
  {
    reason:
      'A key has one spelling: with two it has two thumbprints, and is two keys to whatever compares them.',
    kinds: /^proof: jwk: x with /,
    fields: ['body'],
    ours: /^invalid_dpop_proof$/,
    theirs: /^invalid_grant$/,
  },
  {
    reason:
      'A token has one spelling (RFC 7515): no padding, no white space, no bits that are left over, UTF-8 without a mark, each name once.',
    kinds:
      /^(proof|assertion): (a signature with padding|a space in|the alphabet of base64|bits that are|a payload (with padding|that is not UTF-8)|a header with a byte|alg |iat in the payload twice|a name twice)/,
    fields: ['status', 'body'],
    ours: /^(400|invalid_dpop_proof|invalid_client)$/,
    theirs: /^(201|invalid_grant|invalid_request|\{expires_in, request_uri\})$/,
  },
  {
    reason: 'Nothing that a client signs here needs more than 8 KB.',
    kinds: /^(proof|assertion): a token of more than 8 KB$/,
    fields: ['status', 'body'],
    ours: /^(400|invalid_dpop_proof|invalid_client)$/,
    theirs: /^(201|invalid_grant|\{expires_in, request_uri\})$/,
  },
]

const ASSERTIONS: Difference[] = [
  {
    reason:
      'A client that cannot be authenticated is invalid_client, whether its assertion is missing, malformed or used (RFC 6749).',
    kinds: /^assertion: /,
    fields: ['body'],
    ours: /^invalid_client$/,
    theirs: /^invalid_(request|grant)$/,
  },
  {
    reason: 'The clock of a client may be 10 seconds ahead.',
    kinds: /^assertion: an iat some seconds ahead$/,
    ...LENIENT,
  },
  {
    reason: 'An assertion for others as well could be sent on by them.',
    kinds: /^assertion: aud: (this server and another|a host that begins with ours|the issuer and null)$/,
    ...STRICTER,
  },
  {
    reason: 'A jti that is not a text is not one.',
    kinds: /^assertion: (an empty jti|a jti that is a number)$/,
    ...STRICTER,
  },
  {
    reason: 'What was signed for something else does not prove a client: the type must not be another one.',
    kinds: /^assertion: typ: /,
    ...STRICTER,
  },
]

const RESOURCES: Difference[] = [
  {
    reason:
      'Nothing keeps the answer to a request with an Authorization header, and an error has no lifetime (RFC 9111).',
    kinds: /^resource: /,
    fields: ['cache'],
    ours: /^$/,
    theirs: /^private$/,
  },
  {
    reason: 'The session has the DID document, as the lexicon allows.',
    kinds: /^resource: (a token and its proof|the scheme in lower case|a query that)/,
    fields: ['body'],
  },
  {
    reason: 'A nonce comes with each answer to a proof, and with no other.',
    kinds: /^resource: (no proof|an empty token|no token, but a proof|the token as Bearer, with its proof)$/,
    fields: ['nonce'],
  },
]

/** Where we answer differently from the reference, and why. Each must occur. */
export const DIFFERENCES: Difference[] = [
  ...METADATA,
  ...METHODS,
  ...REQUESTS,
  ...CLIENTS,
  ...PROOFS,
  ...ASSERTIONS,
  ...RESOURCES,
]

export const differenceFor = (
  kind: string,
  field: Field,
  ours: Answer,
  theirs: Answer,
): Difference | undefined =>
  DIFFERENCES.find(
    (it) =>
      it.fields.includes(field) &&
      it.kinds.test(kind) &&
      (it.ours?.test(ours[field]) ?? true) &&
      (it.theirs?.test(theirs[field]) ?? true),
  )
