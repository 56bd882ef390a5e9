import { confidentialDocument } from '../../../account/oauth/support/clientWorld.ts'
import { assertionJwks, assertionVectors } from '../../../fixtures/oauth/assertionVectors.ts'
import { dpopVectors } from '../../../fixtures/oauth/dpopVectors.ts'
import { publicDocument } from '../../../account/oauth/support/clientWorld.ts'
import { type Asked, type Context, post } from './asked.ts'
import { good, PAR } from './par.ts'

/** What a header can carry; without white space at its ends, which the client takes away. */
const isHeader = (value: string): boolean => /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value)

/** Each vector of a proof, with a code that nobody has: a proof that is taken gets as far as `invalid_grant`. */
export const proofs = async (context: Context): Promise<Asked[]> => {
  const { url: origin, nonce } = context
  const path = '/oauth/token'
  const id = `${context.clientOrigin}/public.json`
  const client_id = context.publish('/public.json', publicDocument({}, id))
  const vectors = await dpopVectors({ origin, path, now: Date.now(), nonces: [nonce, nonce, nonce] })
  return Promise.all(
    vectors
      .filter(({ proof, accessToken }) => accessToken === undefined && isHeader(proof))
      .map(({ comment, proof }) =>
        post(
          context,
          `proof: ${comment}`,
          path,
          {
            client_id,
            grant_type: 'authorization_code',
            code: `cod-${'0'.repeat(64)}`,
            redirect_uri: 'https://app.example.org/callback',
            code_verifier: 'v'.repeat(43),
          },
          { proof },
        ),
      ),
  )
}

/** Each vector of an assertion, with a pushed request that is good. */
export const assertions = async (context: Context): Promise<Asked[]> => {
  const clientId = `${context.clientOrigin}/confidential.json`
  const jwks = await assertionJwks()
  context.publish('/confidential.json', { ...confidentialDocument({ jwks }), client_id: clientId })
  const vectors = await assertionVectors({ clientId, issuer: context.url, now: Date.now() })
  const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
  const asked = (name: string, client_assertion: string | undefined, client_assertion_type?: string) =>
    post(context, `assertion: ${name}`, PAR, { ...good(clientId), client_assertion, client_assertion_type })
  const [{ assertion: first } = { assertion: '' }] = vectors
  return Promise.all([
    ...vectors.map(({ comment, assertion }) => asked(comment, assertion, type)),
    asked('sent again', first, type),
    asked('none', undefined),
    asked('none, but a type', undefined, type),
    asked('no type', first),
    asked('another type', first, 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer'),
  ])
}
