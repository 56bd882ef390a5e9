import { afterAll, expect, test } from 'vitest'
import { outbound } from '../../src/outbound.ts'
import { buildOperation, createGenesis, buildVoidOperation } from '../../src/plc/build.ts'
import { operationCid } from '../../src/plc/cid.ts'
import { createDirectory } from '../../src/plc/directory.ts'
import { startPlc } from '../../dev/plc.ts'
import { rotationKey } from './support.ts'

const plc = await startPlc()
afterAll(() => plc.close())
const send = outbound({ fetch }, { dev: true })
const client = createDirectory(send, plc.url)

let n = 0
const account = async () => {
  const [recovery, ours] = await Promise.all([rotationKey('recovery'), rotationKey(`ours-${n++}`)])
  const { did, operation } = await createGenesis(ours, {
    recoveryKeys: [recovery.did],
    signingKey: ours.did,
    handle: 'alice.example',
    endpoint: 'https://cirrus.example',
  })
  return { recovery, ours, did, operation }
}

test('the directory accepts our operations, and its log verifies', async () => {
  const { did, operation, ours } = await account()
  await client.submit(did, operation)
  const head = await client.head(did)
  expect(head.cid).toBe(await operationCid(operation))
  const services = { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: 'https://target.example' } }
  const next = buildOperation(head, { services }, { ourKey: ours.did, recoveryKeys: [] })
  await client.submit(did, await ours.signOperation(next))
  expect((await client.head(did)).data?.services).toEqual(services)
  expect(await client.document(did)).toMatchObject({ id: did })
})

test('the same operation may be sent again, even after others', async () => {
  const { did, operation, ours } = await account()
  await client.submit(did, operation)
  await client.submit(did, operation)
  const next = await ours.signOperation(buildVoidOperation(await client.head(did), ours.did))
  await client.submit(did, next)
  await client.submit(did, operation)
  expect((await client.head(did)).cid).toBe(await operationCid(next))
})

test('an operation on an old head is refused, unless a higher key signs it', async () => {
  const { did, operation, ours, recovery } = await account()
  await client.submit(did, operation)
  const head = await client.head(did)
  await client.submit(did, await ours.signOperation(buildVoidOperation(head, ours.did)))
  const late = buildOperation(
    head,
    { alsoKnownAs: ['at://late.example'] },
    { ourKey: ours.did, recoveryKeys: [] },
  )
  await expect(client.submit(did, await ours.signOperation(late))).rejects.toMatchObject({
    code: 'Rejected',
    retryable: false,
  })
  // The recovery key may still sign it.
  await client.submit(did, await recovery.signOperation(late))
  expect((await client.head(did)).data?.alsoKnownAs).toEqual(['at://late.example'])
})

test('an unknown DID is not found', async () => {
  for (const ask of [client.head, client.log, client.document])
    await expect(ask('did:plc:aaaaaaaaaaaaaaaaaaaaaaaa')).rejects.toMatchObject({
      code: 'NotFound',
      retryable: false,
    })
})

test.each([{ status: 500 }, { status: 429 }, { status: 503 }, { status: 0 }])(
  'a directory that fails (%j) gives an error that may be retried',
  async (outage) => {
    const { did, operation } = await account()
    plc.fail(outage)
    try {
      await expect(client.head(did)).rejects.toMatchObject({ code: 'Unavailable', retryable: true })
      await expect(client.submit(did, operation)).rejects.toMatchObject({
        code: 'Unavailable',
        retryable: true,
      })
    } finally {
      plc.recover()
    }
    await client.submit(did, operation)
  },
)

test('an operation that arrived counts as sent even if the answer was lost', async () => {
  const { did, operation } = await account()
  const losing = createDirectory(async (url, request) => {
    const answer = await send(url, request)
    if (request?.method === 'POST') await send('http://localhost:1/')
    return answer
  }, plc.url)
  await losing.submit(did, operation)
})

test('a log is believed for as long as it has the bytes that were verified, and no longer', async () => {
  const { did, operation } = await account()
  await client.submit(did, operation)
  let verified = ''
  let change = (text: string) => (verified = text)
  const lying = createDirectory(async (url, request) => {
    const real = await send(url, request)
    return { ...real, text: async () => change(await real.text()) }
  }, plc.url)
  const log = await lying.log(did)
  expect(await lying.log(did)).toBe(log)
  change = (text) => text.replace('https://cirrus.example', 'https://thief.example')
  await expect(lying.log(did)).rejects.toMatchObject({ code: 'BadAnswer' })
  // Nor is the log of one DID the answer for another.
  const other = await account()
  await client.submit(other.did, other.operation)
  change = () => verified
  await expect(lying.log(other.did)).rejects.toMatchObject({ code: 'BadAnswer' })
  change = () => 'not JSON'
  await expect(lying.log(did)).rejects.toMatchObject({ code: 'Unavailable', retryable: true })
})

test.each([
  ['something other than a list', {}],
  ['an empty list', []],
  ['a list of null', [null]],
  ['a list that is too long', Array.from({ length: 2001 }, () => ({}))],
  ["another DID's log", 'other'],
])('a directory that answers with %s is not believed', async (_, answer) => {
  const { did, operation } = await account()
  const other = await account()
  await client.submit(did, operation)
  await client.submit(other.did, other.operation)
  const lying = createDirectory(async (url, request) => {
    const real = await send(url.replace(encodeURIComponent(did), encodeURIComponent(other.did)), request)
    return answer === 'other' ? real : { ...real, text: async () => JSON.stringify(answer) }
  }, plc.url)
  await expect(lying.head(did)).rejects.toMatchObject({ code: 'BadAnswer', retryable: false })
})
