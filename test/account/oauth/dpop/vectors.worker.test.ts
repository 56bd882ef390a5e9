import { describe, expect, test } from 'vitest'
import { createDpop } from '../../../../src/account/oauth/dpop/dpop.ts'
import { OAuthError } from '../../../../src/account/oauth/oauthError.ts'
import file from '../../../fixtures/oauth/dpop-proofs.json?raw'

interface Vector {
  tcId: number
  comment: string
  proof: string
  accessToken?: string
  verdict: string
}

const { tests } = JSON.parse(file) as { tests: Vector[] } // of the fixture
const origin = 'https://cirrus.example'
const now = () => Date.parse('2026-11-20T12:00:00.250Z')

const verdictOf = async ({ proof, accessToken }: Vector): Promise<string> => {
  let n = 0
  const random = (length: number) => new Uint8Array(length).fill(n++)
  const dpop = createDpop({ platform: { now, random }, origin })
  try {
    await dpop.verify({ proof, accessToken, method: 'POST', url: `http://localhost${'/oauth/token?a=b'}` })
    return 'ok'
  } catch (cause) {
    if (cause instanceof OAuthError) return cause.code
    throw cause
  }
}

describe('the vectors of DPoP proofs, in workerd', () => {
  test.each(tests)('$tcId, $comment: $verdict', async (vector) => {
    expect(await verdictOf(vector)).toBe(vector.verdict)
  })
})
