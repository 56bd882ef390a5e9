import { expect, test } from 'vitest'
import { createDpop, DPOP_ALGS } from '../../../../src/account/oauth/dpop/dpop.ts'
import { NOW } from '../../../crypto/support.ts'
import { createDpopClient } from '../support/dpopClient.ts'

const ORIGIN = 'https://cirrus.example'
const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))

test.each(DPOP_ALGS)('workerd verifies a proof that is signed with %s, and not another one', async (alg) => {
  const now = () => NOW
  const dpop = createDpop({ platform: { now, random }, origin: ORIGIN })
  const client = await createDpopClient({ now, origin: ORIGIN, alg })
  const send = (proof: string) => dpop.verify({ proof, method: 'POST', url: `${ORIGIN}/oauth/par` })
  const proof = await client.proof({ nonce: dpop.nonce() })
  const [header, payload] = proof.split('.')
  const other = await client.proof({ nonce: dpop.nonce(), jti: 'another' })
  await expect(send(`${header}.${payload}.${other.split('.')[2]}`)).rejects.toMatchObject({
    code: 'invalid_dpop_proof',
  })
  await expect(send(proof)).resolves.toEqual({ jkt: client.jkt })
})
