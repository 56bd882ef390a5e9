import { beforeAll, describe, expect, it } from 'vitest'
import { newKey } from '../../../dev/account.ts'
import { MoverError } from '../../../src/mover/moverError.ts'
import { planMove } from '../../../src/mover/identity/planMove.ts'
import { buildOperation } from '../../../src/plc/build.ts'
import { diffOperation } from '../../../src/plc/diffOperation.ts'
import type { PlcData, PlcHead } from '../../../src/plc/types.ts'

const pds = (endpoint: string) => ({ atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint } })
const labeler = { atproto_labeler: { type: 'AtprotoLabeler', endpoint: 'https://label.example.com' } }

let keys: string[]
let [owner, old, ours, other, operator] = ['', '', '', '', '']
const head = (rotationKeys: string[]): PlcHead & { data: PlcData } => ({
  did: 'did:plc:ewvi7nxzyoun6zhxrhs64oiz',
  cid: 'bafyreics4vcrrrjdvmx26323vuz4hyhlrjdf3stqag7fbqg2xazkpczm2q',
  createdAt: 0,
  data: {
    rotationKeys,
    alsoKnownAs: ['at://alice.old.example.com', 'https://alice.example.com'],
    verificationMethods: { atproto: old, atproto_label: other },
    services: { ...pds('https://old.example.com'), ...labeler },
  },
})
const wanted = (rotationKeys: string[]): PlcData => ({
  rotationKeys,
  alsoKnownAs: ['at://alice.test'],
  verificationMethods: { atproto: ours },
  services: pds('https://new.example.com'),
})

/** What is known if the source names these keys as its own. */
const named = (keys: string[] | undefined) => (keys ? { source: { named: keys } } : {})

beforeAll(async () => {
  keys = await Promise.all(Array.from({ length: 6 }, async () => (await newKey()).did))
  ;[owner = '', old = '', ours = '', other = '', operator = ''] = keys
})

describe('the operation that moves an account in', () => {
  it('keeps everything that the DID has beside its PDS', () => {
    const { operation, preview, dropped } = planMove({
      head: head([owner, old]),
      wanted: wanted([ours]),
      evidence: { source: { named: [old] } },
    })
    expect(operation).toEqual({
      type: 'plc_operation',
      rotationKeys: [owner, ours],
      alsoKnownAs: ['at://alice.test', 'at://alice.old.example.com', 'https://alice.example.com'],
      verificationMethods: { atproto: ours, atproto_label: other },
      services: { ...pds('https://new.example.com'), ...labeler },
      prev: 'bafyreics4vcrrrjdvmx26323vuz4hyhlrjdf3stqag7fbqg2xazkpczm2q',
    })
    expect(dropped).toEqual([old])
    expect(preview).toContainEqual({ kind: 'dropped', text: `rotation key 2: ${old} (the old server’s)` })
  })

  it.each<[string, () => [string[], string[], string[] | undefined], () => string[]]>([
    [
      'keeps the keys above and below',
      () => [[owner, old, other], [ours], [old]],
      () => [owner, ours, other],
    ],
    ['drops all keys that are the source’s', () => [[operator, old], [ours], [operator, old]], () => [ours]],
    [
      'keeps every key if none is the source’s',
      () => [[owner, old], [ours], undefined],
      () => [owner, ours, old],
    ],
    [
      'puts the recovery keys that are asked for before ours',
      () => [[old], [owner, ours], [old]],
      () => [owner, ours],
    ],
    [
      'keeps a key that is asked for, by owner or source',
      () => [
        [owner, old],
        [owner, ours],
        [owner, old],
      ],
      () => [owner, ours],
    ],
    ['has no key twice', () => [[owner, old, ours], [ours], [old]], () => [owner, ours]],
  ])('%s', (_, given, expected) => {
    const [before, asked, sourceKeys] = given()
    expect(
      planMove({ head: head(before), wanted: wanted(asked), evidence: named(sourceKeys) }).operation
        .rotationKeys,
    ).toEqual(expected())
  })

  it('is shown in as many lines as it has changes, whatever is written in the DID', () => {
    const at = head([owner, old])
    at.data.alsoKnownAs.push('at://alice.example.com\n  rotation key is dropped')
    at.data.services['atproto_pds'] = { type: 'AtprotoPersonalDataServer', endpoint: 'https://x\r\n  y' }
    const { data } = at
    const changed = {
      ...data,
      services: { ...data.services, 'a\nb': { type: 't\nt', endpoint: 'https://\t' } },
    }
    const lines = [
      ...planMove({ head: at, wanted: wanted([ours]), evidence: {} }).preview.map(({ text }) => text),
      ...diffOperation(data, changed).map(({ text }) => text),
    ]
    expect(lines.filter((line) => /\p{Cc}/u.test(line))).toEqual([])
    expect(lines.join('\n')).toContain('alice.example.com\uFFFD')
  })

  it('warns of each key that stays though nobody knows whose it is', () => {
    const warnings = (sourceKeys?: string[]) =>
      planMove({ head: head([owner, old]), wanted: wanted([ours]), evidence: named(sourceKeys) })
        .preview.filter(({ kind }) => kind === 'warning')
        .map(({ text }) => text)
        .join('\n')
    expect(warnings()).toContain(`${old} (nobody knows whose) stays`)
    expect(warnings([old])).not.toContain(`${old} (nobody knows whose)`)
  })

  it('is refused, with every key, if there would be more than the directory takes', () => {
    const full = () => planMove({ head: head(keys), wanted: wanted([ours]), evidence: named([old]) })
    expect(full).not.toThrow()
    const five = keys.filter((key) => key !== ours)
    const over = () => planMove({ head: head(five), wanted: wanted([ours]), evidence: named(undefined) })
    expect(over).toThrow(MoverError)
    expect(over).toThrow(new RegExp(`6 rotation keys, and the directory takes 5: ${owner}`))
    // This directory has taken more already.
    expect(() =>
      planMove({ head: head(keys), wanted: wanted([ours]), evidence: named(undefined) }),
    ).not.toThrow()
  })

  it.each<[string, () => string[], () => string[] | undefined]>([
    ['that names its own key', () => [owner, old, other], () => [old]],
    ['that does not', () => [owner, old], () => undefined],
  ])('is what a Cirrus makes of it, %s', (_, before, sourceKeys) => {
    const at = head(before())
    const { operation } = planMove({ head: at, wanted: wanted([ours]), evidence: named(sourceKeys()) })
    const merged = buildOperation(at, operation, {
      ourKey: old,
      recoveryKeys: [owner],
      token: { target: 'https://new.example.com' },
    })
    expect(merged).toEqual(operation)
  })
})
