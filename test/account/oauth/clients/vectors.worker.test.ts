import { describe, expect, test } from 'vitest'
import { OAuthError } from '../../../../src/account/oauth/oauthError.ts'
import file from '../../../fixtures/oauth/client-assertions.json?raw'
import { confidentialDocument, createClientWorld, ID } from '../support/clientWorld.ts'

interface Vector {
  tcId: number
  comment: string
  assertion: string
  verdict: string
}

const { jwks, tests } = JSON.parse(file) as { jwks: object; tests: Vector[] } // of the fixture
const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

const verdictOf = async ({ assertion }: Vector): Promise<string> => {
  const { clients, pages } = createClientWorld()
  pages.set(ID, confidentialDocument({ jwks }))
  try {
    await clients.authenticate({ clientId: ID, assertionType, assertion, dpopJkt: undefined })
    return 'ok'
  } catch (cause) {
    if (cause instanceof OAuthError) return cause.code
    throw cause
  }
}

describe('the vectors of client assertions, in workerd', () => {
  test.each(tests)('$tcId, $comment: $verdict', async (vector) => {
    expect(await verdictOf(vector)).toBe(vector.verdict)
  })
})
