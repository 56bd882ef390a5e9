import { expect, test } from 'vitest'
import {
  type BuildOptions,
  buildOperation,
  createGenesis,
  type OperationRequest,
  buildVoidOperation,
} from '../../src/plc/build.ts'
import { operationCid } from '../../src/plc/cid.ts'
import { diffOperation, droppedKeys } from '../../src/plc/diffOperation.ts'
import { verifyLog } from '../../src/plc/verifyLog.ts'
import { parseOperation, parseServices, parseUnsignedOperation } from '../../src/plc/parse.ts'
import type { PlcData, PlcHead } from '../../src/plc/types.ts'
import { oracle, rotationKey } from './support.ts'

const [recovery, ours, target, evil, extra] = await Promise.all(
  ['recovery', 'ours', 'target', 'evil', 'extra'].map(rotationKey),
)
if (!recovery || !ours || !target || !evil || !extra) throw new Error('keys')

const LABELER = { type: 'AtprotoLabeler', endpoint: 'https://labeler.example' }
const pds = (endpoint: string) => ({ atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint } })
const data: PlcData = {
  rotationKeys: [recovery.did, ours.did],
  verificationMethods: { atproto: ours.did, atproto_label: extra.did },
  alsoKnownAs: ['at://alice.example'],
  services: { ...pds('https://cirrus.example'), atproto_labeler: LABELER },
}
const head: PlcHead = {
  did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
  cid: 'bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy',
  data,
  createdAt: 0,
}
const TARGET = 'https://target.example'
const opts: BuildOptions = { ourKey: ours.did, recoveryKeys: [], token: { target: TARGET } }
/** What a target's getRecommendedDidCredentials answers. */
const move: OperationRequest = {
  rotationKeys: [target.did],
  alsoKnownAs: ['at://alice.example'],
  verificationMethods: { atproto: target.did },
  services: pds(TARGET),
}

const failure = (
  request: OperationRequest,
  change: Partial<BuildOptions> = {},
  at: Partial<PlcHead> = {},
) => {
  try {
    buildOperation({ ...head, ...at }, request, { ...opts, ...change })
  } catch (cause) {
    return cause
  }
  return 'built'
}

test('a move keeps the labeler and the keys above ours, and drops ours', () => {
  const operation = buildOperation(head, move, opts)
  expect(operation).toEqual({
    type: 'plc_operation',
    rotationKeys: [recovery.did, target.did],
    verificationMethods: { atproto: target.did, atproto_label: extra.did },
    alsoKnownAs: ['at://alice.example'],
    services: { ...pds(TARGET), atproto_labeler: LABELER },
    prev: head.cid,
  })
  expect(droppedKeys(data, operation)).toEqual([ours.did])
})

test('a malicious target cannot put its key above the recovery key, nor drop it', () => {
  for (const rotationKeys of [[evil.did], [evil.did, recovery.did], [evil.did, ours.did, recovery.did]])
    expect(buildOperation(head, { ...move, rotationKeys }, opts).rotationKeys[0]).toBe(recovery.did)
})

test('configured recovery keys come first even if the head does not have them', () => {
  const { rotationKeys } = buildOperation(head, move, { ...opts, recoveryKeys: [extra.did, recovery.did] })
  expect(rotationKeys).toEqual([recovery.did, extra.did, target.did])
})

test('a field that is left out keeps its value', () => {
  expect(buildOperation(head, {}, { ...opts, token: {} })).toEqual({
    type: 'plc_operation',
    ...data,
    prev: head.cid,
  })
  expect(buildVoidOperation(head, ours.did)).toEqual({ type: 'plc_operation', ...data, prev: head.cid })
})

test.each<[string, string, unknown]>([
  ['our key is not current', 'KeyNotCurrent', failure(move, { ourKey: evil.did })],
  ['the DID is tombstoned', 'Tombstoned', failure(move, {}, { data: null })],
  [
    'a token names another target',
    'WrongEndpoint',
    failure({ ...move, services: pds('https://evil.example') }),
  ],
  [
    'a target is only a prefix',
    'WrongEndpoint',
    failure({ ...move, services: pds(`${TARGET}.evil.example`) }),
  ],
  ['a target has a path', 'WrongEndpoint', failure({ ...move, services: pds(`${TARGET}/evil`) })],
  ['a target has another port', 'WrongEndpoint', failure({ ...move, services: pds(`${TARGET}:444`) })],
  [
    'a target has credentials',
    'WrongEndpoint',
    failure({ ...move, services: pds('https://target.example@evil.example') }),
  ],
  ['a targeted token leaves the endpoint out', 'WrongEndpoint', failure({ ...move, services: undefined })],
  [
    'a token adds a service',
    'ChangeNotAllowed',
    failure({ ...move, services: { ...pds(TARGET), x: LABELER } }),
  ],
  [
    'a token changes the labeler',
    'ChangeNotAllowed',
    failure({ ...move, services: { ...pds(TARGET), atproto_labeler: { ...LABELER, endpoint: TARGET } } }),
  ],
  [
    'a token changes another key',
    'ChangeNotAllowed',
    failure({ ...move, verificationMethods: { atproto: target.did, atproto_label: evil.did } }),
  ],
  [
    "a token changes the PDS's type",
    'ChangeNotAllowed',
    failure({ ...move, services: { atproto_pds: { type: 'Evil', endpoint: TARGET } } }),
  ],
  [
    'there are six keys',
    'TooManyKeys',
    failure({
      ...move,
      rotationKeys: (await Promise.all(['1', '2', '3', '4', '5'].map(rotationKey))).map(({ did }) => did),
    }),
  ],
  [
    'no rotation key is left',
    'NoRotationKey',
    failure({ ...move, rotationKeys: [] }, {}, { data: { ...data, rotationKeys: [ours.did] } }),
  ],
])('a request is refused if %s', (_, code, cause) => {
  expect(cause).toMatchObject({ name: 'PlcError', code })
})

test('a token may repeat the labeler as it is', () => {
  expect(failure({ ...move, services: { ...pds(TARGET), atproto_labeler: LABELER } })).toBe('built')
  expect(failure({ ...move, services: pds(`${TARGET}/`) })).toBe('built')
})

test('too many keys are refused by name, not dropped', async () => {
  const many = (await Promise.all(['1', '2', '3', '4', '5'].map(rotationKey))).map(({ did }) => did)
  expect(String(failure({ ...move, rotationKeys: many }))).toContain(many[4])
})

test('a DID that has more than five keys keeps them, and gets up to ten', async () => {
  const keys = (await Promise.all([...'123456789ab'].map(rotationKey))).map(({ did }) => did)
  const head = (count: number) => ({
    data: { ...data, rotationKeys: [...keys.slice(0, count - 1), ours.did] },
  })
  expect(
    failure({ alsoKnownAs: ['at://new.example.com'] }, { token: undefined, recoveryKeys: [] }, head(7)),
  ).toBe('built')
  expect(failure({ ...move, rotationKeys: keys }, {}, head(10))).toMatchObject({
    code: 'TooManyKeys',
  })
})

test('the directory accepts our genesis, move and voiding operations', async () => {
  const directory = oracle()
  const { did, operation: genesis } = await createGenesis(ours, {
    recoveryKeys: [recovery.did],
    signingKey: ours.did,
    handle: 'alice.example',
    endpoint: 'https://cirrus.example',
  })
  const headNow = async () => (await verifyLog(did, await directory.log(did))).head
  expect(await directory.add(did, genesis)).toBe(true)

  const signed = await ours.signOperation(buildOperation(await headNow(), move, opts))
  expect(
    await directory.add(did, await ours.signOperation(buildVoidOperation(await headNow(), ours.did))),
  ).toBe(true)
  // The operation that was signed before is void now.
  expect(await directory.add(did, signed)).toBe(false)

  const again = await ours.signOperation(buildOperation(await headNow(), move, opts))
  expect(parseOperation(JSON.parse(JSON.stringify(again)))).toEqual(again)
  expect(await directory.add(did, again)).toBe(true)
  expect((await headNow()).cid).toBe(await operationCid(again))
  expect(failure(move, {}, await headNow())).toMatchObject({ code: 'KeyNotCurrent' })
})

test('each change is described in a sentence', () => {
  const after = buildOperation(head, { ...move, alsoKnownAs: ['at://alice.target.example'] }, opts)
  expect(diffOperation(data, after).map(({ text }) => text)).toEqual([
    `rotation key ${ours.did} is dropped`,
    `rotation key ${target.did} is added as 2 of 2`,
    `the PDS changes from https://cirrus.example to ${TARGET}`,
    `the signing key changes from ${ours.did} to ${target.did}`,
    'the handle changes from at://alice.example to at://alice.target.example',
  ])
  expect(diffOperation(data, data)).toEqual([])
  const swapped = { ...data, rotationKeys: [ours.did, recovery.did] }
  expect(diffOperation(data, swapped)).toMatchObject([{ kind: 'rotationKey', change: 'moved' }])
  const bare = { ...data, services: pds('https://cirrus.example') }
  expect(diffOperation(data, bare)).toMatchObject([{ kind: 'service', change: 'dropped' }])
})

const valid = { type: 'plc_operation', ...data, prev: head.cid }
test.each<[string, unknown, string]>([
  ['null', null, 'operation'],
  ['a list', [], 'operation'],
  ['another type', { ...valid, type: 'plc_tombstone' }, 'operation.type'],
  ['an unknown field', { ...valid, admin: true }, 'operation.admin'],
  ['a signature', { ...valid, sig: 'x' }, 'operation.sig'],
  ['keys that are text', { ...valid, rotationKeys: ours.did }, 'rotationKeys'],
  ['a key that is not a did:key', { ...valid, rotationKeys: ['did:plc:x'] }, 'rotationKeys[0]'],
  [
    'an ed25519 key',
    { ...valid, rotationKeys: ['did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK'] },
    'rotationKeys[0]',
  ],
  ['a key twice', { ...valid, rotationKeys: [ours.did, ours.did] }, 'rotationKeys'],
  ['a huge key', { ...valid, rotationKeys: [`did:key:z${'1'.repeat(10_000)}`] }, 'rotationKeys[0]'],
  [
    'eleven names',
    { ...valid, alsoKnownAs: Array.from({ length: 11 }, (_, i) => `at://${i}.example`) },
    'alsoKnownAs',
  ],
  ['a name of 259 characters', { ...valid, alsoKnownAs: ['a'.repeat(259)] }, 'alsoKnownAs[0]'],
  [
    'a service without type',
    { ...valid, services: { x: { endpoint: 'https://x.example' } } },
    'services.x.type',
  ],
  [
    'an endpoint of 513 characters',
    { ...valid, services: { x: { type: 'X', endpoint: `https://${'x'.repeat(505)}` } } },
    'services.x.endpoint',
  ],
  [
    'an endpoint that is no URL',
    { ...valid, services: { atproto_pds: { type: 'X', endpoint: 'javascript:1' } } },
    'services.atproto_pds.endpoint',
  ],
  ['a service id of 33 characters', { ...valid, services: { ['x'.repeat(33)]: LABELER } }, 'services'],
  [
    'eleven services',
    { ...valid, services: Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`s${i}`, LABELER])) },
    'services',
  ],
  [
    'an additional field of a service',
    { ...valid, services: { x: { ...LABELER, extra: 1 } } },
    'services.x.extra',
  ],
  [
    'a method that is no key',
    { ...valid, verificationMethods: { atproto: 'x' } },
    'verificationMethods.atproto',
  ],
  ['a prev that is not a CID', { ...valid, prev: 'x' }, 'operation.prev'],
  [
    'a prev of raw bytes',
    { ...valid, prev: 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy' },
    'operation.prev',
  ],
])('an operation with %s is refused, and the field is named', (_, input, field) => {
  try {
    parseUnsignedOperation(input)
  } catch (cause) {
    return expect(cause).toMatchObject({ name: 'PlcError', field })
  }
  throw new Error('it was taken')
})

test('an operation of more than 4000 bytes is refused', () => {
  const alsoKnownAs = Array.from({ length: 10 }, (_, i) => `at://${String(i).repeat(250)}`)
  const services = Object.fromEntries(
    Array.from({ length: 5 }, (_, i) => [
      `s${i}`,
      { type: 'X', endpoint: `https://x.example/${'x'.repeat(400)}` },
    ]),
  )
  expect(() => parseUnsignedOperation({ ...valid, alsoKnownAs, services })).toThrow(/\d+ bytes/)
})

test('the rotation key signs only whole operations', async () => {
  for (const bad of [
    {},
    { type: 'plc_tombstone', prev: head.cid },
    { ...valid, rotationKeys: [] },
    { ...valid, x: 1 },
  ])
    // The wrong types are what is tested.
    await expect(ours.signOperation(bad as never)).rejects.toMatchObject({ name: 'PlcError' })
})

test('an id that is a name of the prototype chain is an id like any other', () => {
  const hostile: unknown = JSON.parse('{"__proto__": {"type": "X", "endpoint": "https://x.example"}}')
  expect(() => parseServices(hostile)).toThrow('services')
})
