import { beforeAll, describe, expect, it } from 'vitest'
import { newKey } from '../../dev/account.ts'
import { keyHistory, keyRoles, type KeyEvidence } from '../../src/plc/keyRoles.ts'
import { createGenesis } from '../../src/plc/build.ts'
import { operationCid } from '../../src/plc/cid.ts'
import { verifyLog } from '../../src/plc/verifyLog.ts'
import { oracle, rotationKey } from './support.ts'

let [mine, source, target, other] = ['', '', '', '']
const roleOf = (key: string, evidence: KeyEvidence) => keyRoles([key], evidence)[0]

beforeAll(async () => {
  const keys = await Promise.all(Array.from({ length: 4 }, async () => (await newKey()).did))
  ;[mine = '', source = '', target = '', other = ''] = keys
})

describe('the role of a rotation key', () => {
  it.each<[string, () => [string, KeyEvidence], [string, string]]>([
    ['that the owner has is recovery', () => [mine, { owner: [mine] }], ['recovery', 'owner']],
    [
      'that the target recommends is the target’s',
      () => [target, { target: { named: [target] } }],
      ['target', 'named'],
    ],
    [
      'that the source recommends is the source’s',
      () => [source, { source: { named: [source] } }],
      ['source', 'named'],
    ],
    [
      'that is the signing key, too, is the source’s',
      () => [source, { source: { signingKey: source } }],
      ['source', 'signing-key'],
    ],
    ['of which nothing is known is unknown', () => [other, { owner: [mine] }], ['unknown', 'none']],
    ['that the owner denies is not the owner’s', () => [other, { notOwner: [other] }], ['source', 'owner']],
    [
      'that the owner has is not the source’s because the source says so',
      () => [mine, { owner: [mine], source: { named: [mine] } }],
      ['recovery', 'owner'],
    ],
    [
      'with which the source signed is the source’s, whatever the owner believes',
      () => [mine, { owner: [mine], source: { signed: [mine] } }],
      ['source', 'signed'],
    ],
    [
      'that both servers recommend stays with the target',
      () => [target, { source: { named: [target] }, target: { named: [target] } }],
      ['target', 'named'],
    ],
    [
      'of RECOVERY_KEYS is the owner’s, although the target recommends it',
      () => [mine, { owner: [mine], target: { named: [mine, target] } }],
      ['recovery', 'owner'],
    ],
  ])('%s', (_, given, [role, basis]) => {
    const [key, evidence] = given()
    expect(roleOf(key, evidence)).toEqual({ key, role, basis })
  })
})

describe('what the log shows of a rotation key', () => {
  it('is since when the DID has it and what stands that it signed, not what was nullified', async () => {
    const [recovery, ours, thief] = await Promise.all(['recovery', 'ours', 'stranger'].map(rotationKey))
    if (!recovery || !ours || !thief) throw new Error('keys')
    const { did, operation: genesis } = await createGenesis(ours, {
      recoveryKeys: [recovery.did],
      signingKey: ours.did,
      handle: 'alice.example',
      endpoint: 'https://cirrus.example',
    })
    const { sig: _, ...data } = genesis
    const prev = await operationCid(genesis)
    const theft = await ours.signOperation({ ...data, rotationKeys: [thief.did], prev })
    const undone = await recovery.signOperation({ ...data, prev })
    const directory = oracle()
    for (const operation of [genesis, theft, undone]) expect(await directory.add(did, operation)).toBe(true)

    const log = await verifyLog(did, await directory.log(did))
    const signed = (key: string) => keyHistory(log, key)?.signed.map(({ cid }) => cid)
    expect(signed(recovery.did)).toEqual([await operationCid(undone)])
    expect(signed(ours.did)).toEqual([prev])
    expect(keyHistory(log, recovery.did)?.since).toBe(log.entries[0]?.createdAt)
    expect(keyHistory(log, thief.did)).toBeUndefined()
    expect(log.signers.get(await operationCid(theft))).toBe(ours.did)
  })
})
