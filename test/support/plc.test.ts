import { createHash } from 'node:crypto'

import { Secp256k1Keypair } from '@atproto/crypto'
import { encode } from '@atproto/lex-cbor'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { startPlc, type PlcDirectory } from './plc.ts'

let plc: PlcDirectory
beforeAll(async () => {
  plc = await startPlc()
})
afterAll(() => plc.close())

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'
const base32 = (bytes: Uint8Array) => {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  return (bits.match(/.{5}/g) ?? []).map((five) => BASE32[parseInt(five, 2)]).join('')
}

/** A genesis operation made by hand, from the text of the did:plc specification. */
async function genesis(handle: string) {
  const key = await Secp256k1Keypair.create()
  const unsigned = {
    type: 'plc_operation',
    rotationKeys: [key.did()],
    verificationMethods: { atproto: key.did() },
    alsoKnownAs: [`at://${handle}`],
    services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: 'http://localhost:1' } },
    prev: null,
  }
  const sig = Buffer.from(await key.sign(encode(unsigned))).toString('base64url')
  const operation = { ...unsigned, sig }
  const did = `did:plc:${base32(createHash('sha256').update(encode(operation)).digest()).slice(0, 24)}`
  return { did, operation }
}

const post = (url: string, body: unknown) =>
  fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })

describe('the PLC directory for tests', () => {
  it('accepts a genesis operation and gives its document, data and log', async () => {
    const { did, operation } = await genesis('alice.test')
    expect((await post(`${plc.url}/${did}`, operation)).status).toBe(200)
    expect(await (await fetch(`${plc.url}/${did}`)).json()).toMatchObject({
      id: did,
      alsoKnownAs: ['at://alice.test'],
      service: [{ id: '#atproto_pds', serviceEndpoint: 'http://localhost:1' }],
    })
    expect(await (await fetch(`${plc.url}/${did}/log/last`)).json()).toEqual(operation)
    expect(await (await fetch(`${plc.url}/${did}/log/audit`)).json()).toHaveLength(1)
  })

  it('refuses an operation that does not hash to the DID', async () => {
    const { operation } = await genesis('bob.test')
    expect((await post(`${plc.url}/did:plc:aaaaaaaaaaaaaaaaaaaaaaaa`, operation)).status).toBe(400)
    expect((await fetch(`${plc.url}/did:plc:aaaaaaaaaaaaaaaaaaaaaaaa`)).status).toBe(404)
  })

  it('fails when it is set to fail, and recovers', async () => {
    const { did, operation } = await genesis('carol.test')
    plc.fail({ status: 503, only: (method) => method === 'POST' })
    expect((await post(`${plc.url}/${did}`, operation)).status).toBe(503)
    expect((await fetch(`${plc.url}/_health`)).status).toBe(200)
    plc.fail({ status: 0 })
    await expect(fetch(`${plc.url}/_health`)).rejects.toThrow()
    plc.recover()
    expect((await post(`${plc.url}/${did}`, operation)).status).toBe(200)
  })
})
