import * as fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createGenesis } from '../../src/plc/build.ts'
import { didForGenesis, operationCid } from '../../src/plc/cid.ts'
import { verifyLog } from '../../src/plc/verifyLog.ts'
import { parseAuditLog } from '../../src/plc/parse.ts'
import type { AuditEntry, Operation, UnsignedOperation } from '../../src/plc/types.ts'
import { NOW } from '../crypto/support.ts'
import { oracle, rotationKey, signAny } from './support.ts'

const HOUR = 60 * 60 * 1000
const NAMES = ['recovery', 'ours', 'target', 'stranger'] as const
const keys = await Promise.all(NAMES.map(rotationKey))
const [recovery, ours, target] = keys
if (!recovery || !ours || !target) throw new Error('keys')

const genesis = () =>
  createGenesis(ours, {
    recoveryKeys: [recovery.did],
    signingKey: ours.did,
    handle: 'alice.example',
    endpoint: 'https://cirrus.example',
  })

const next = (
  before: Operation,
  prev: string,
  change: Partial<UnsignedOperation> = {},
): UnsignedOperation => {
  const { sig: _, ...rest } = before
  return { ...rest, ...change, prev }
}

beforeEach(() => void vi.useFakeTimers({ now: NOW, toFake: ['Date'] }))
afterEach(() => void vi.useRealTimers())

test('the directory accepts our genesis, and its log verifies', async () => {
  const { did, operation } = await genesis()
  const directory = oracle()
  expect(await directory.add(did, operation)).toBe(true)
  const { head } = await verifyLog(did, await directory.log(did))
  expect(head).toMatchObject({
    did,
    cid: await operationCid(operation),
    data: { rotationKeys: [recovery.did, ours.did] },
  })
})

test('a log that begins with the legacy form verifies', async () => {
  const operation = await signAny('ours', {
    type: 'create' as const,
    signingKey: ours.did,
    recoveryKey: recovery.did,
    handle: 'alice.example',
    service: 'cirrus.example',
    prev: null,
  })
  const did = await didForGenesis(operation)
  const entry = {
    did,
    cid: await operationCid(operation),
    operation,
    nullified: false,
    createdAt: new Date().toISOString(),
  }
  const { head } = await verifyLog(did, parseAuditLog([entry]))
  expect(head.data).toEqual({
    rotationKeys: [recovery.did, ours.did],
    verificationMethods: { atproto: ours.did },
    alsoKnownAs: ['at://alice.example'],
    services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: 'https://cirrus.example' } },
  })
})

/** genesis - a(ours) - b(ours); then c(recovery) on genesis replaces a and b; d(ours) follows c. */
const contested = async () => {
  const directory = oracle()
  const { did, operation } = await genesis()
  const at = await operationCid(operation)
  const a = await ours.signOperation(next(operation, at, { alsoKnownAs: ['at://a.example'] }))
  const b = await ours.signOperation(next(a, await operationCid(a), { alsoKnownAs: ['at://b.example'] }))
  const c = await recovery.signOperation(next(operation, at, { alsoKnownAs: ['at://c.example'] }))
  const d = await ours.signOperation(next(c, await operationCid(c), { alsoKnownAs: ['at://d.example'] }))
  for (const op of [operation, a, b, c, d]) {
    expect(await directory.add(did, op)).toBe(true)
    vi.advanceTimersByTime(HOUR)
  }
  return { did, d, entries: await directory.log(did) }
}

test('a recovery by a higher key nullifies what it replaces', async () => {
  const { did, d, entries } = await contested()
  expect(entries.map(({ nullified }) => nullified)).toEqual([false, true, true, false, false])
  expect((await verifyLog(did, entries)).head.cid).toBe(await operationCid(d))
})

test.each<[string, (entries: AuditEntry[]) => unknown]>([
  ['has lost its genesis', (log) => log.shift()],
  ['has lost an operation in the middle', (log) => log.splice(3, 1)],
  ['is out of order', (log) => log.splice(0, 5, ...log.toReversed())],
  ['is empty', (log) => log.splice(0)],
  ['repeats an operation', (log) => log.push({ ...log[4], createdAt: NOW + 99 * HOUR } as AuditEntry)],
  ['hides a nullification', (log) => Object.assign(log[1] ?? {}, { nullified: false })],
  ['invents a nullification', (log) => Object.assign(log[4] ?? {}, { nullified: true })],
  ['names another DID', (log) => Object.assign(log[2] ?? {}, { did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' })],
  ['names another hash', (log) => Object.assign(log[2] ?? {}, { cid: log[1]?.cid })],
  ['has a changed operation', (log) => Object.assign(log[4]?.raw ?? {}, { alsoKnownAs: [] })],
  ['has times that go back', (log) => Object.assign(log[4] ?? {}, { createdAt: NOW - HOUR })],
  ['recovers after 72 hours', (log) => log.slice(3).forEach((entry) => (entry.createdAt += 73 * HOUR))],
])('a log that %s is refused', async (_, spoil) => {
  const { did, entries } = await contested()
  spoil(entries)
  await expect(verifyLog(did, entries)).rejects.toMatchObject({ name: 'PlcError', code: 'InvalidLog' })
})

test('a log whose newest operation the directory hides still verifies: only comparing heads shows it', async () => {
  const { did, entries } = await contested()
  const { head } = await verifyLog(did, entries.slice(0, 4))
  expect(head.cid).toBe(entries[3]?.cid)
})

test('nothing follows a tombstone', async () => {
  const { did, operation } = await genesis()
  const directory = oracle()
  await directory.add(did, operation)
  const tombstone = await signAny('ours', {
    type: 'plc_tombstone' as const,
    prev: await operationCid(operation),
  })
  expect(await directory.add(did, tombstone)).toBe(true)
  const entries = await directory.log(did)
  expect((await verifyLog(did, entries)).head.data).toBeNull()
  const after = await ours.signOperation(next(operation, await operationCid(tombstone)))
  expect(await directory.add(did, after)).toBe(false)
  const entry = {
    ...entries[0],
    operation: after,
    raw: { ...after },
    cid: await operationCid(after),
  } as AuditEntry
  await expect(verifyLog(did, [...entries, { ...entry, createdAt: Date.now() }])).rejects.toThrow('tombstone')
})

test('we and the directory accept and refuse the same histories', async () => {
  const step = fc.record({
    signer: fc.constantFrom(0, 0, 0, 1, 1, 2, 3),
    /** Which earlier operation it follows, counted from the newest. */
    back: fc.constantFrom(0, 0, 0, 1, 1, 2, 3),
    rotationKeys: fc.oneof(
      { weight: 3, arbitrary: fc.constant<number[]>([0, 1, 2]) },
      fc.uniqueArray(fc.nat(NAMES.length - 1), { minLength: 1, maxLength: 4 }),
    ),
    hours: fc.constantFrom(0, 1, 1, 40, 72, 73),
    tombstone: fc.nat(15).map((n) => n === 0),
  })
  let taken = 0
  let refused = 0
  let recovered = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 7 }), async (steps) => {
      vi.setSystemTime(NOW)
      const directory = oracle()
      const { did, operation } = await genesis()
      await directory.add(did, operation)
      for (const { signer, back, rotationKeys, hours, tombstone } of steps) {
        vi.advanceTimersByTime(hours * HOUR)
        const before = await directory.log(did)
        const at = Math.max(0, before.length - 1 - back)
        const prev = before[at]?.cid ?? ''
        const dids = rotationKeys.map((i: number) => keys[i]?.did ?? '')
        const name = NAMES[signer] ?? 'ours'
        const op = tombstone
          ? await signAny(name, { type: 'plc_tombstone' as const, prev })
          : await signAny(name, next(operation, prev, { rotationKeys: dids }))
        const ok = await directory.add(did, op)
        if (ok) {
          const after = await directory.log(did)
          taken++
          if (after.some(({ nullified }) => nullified)) recovered++
          expect((await verifyLog(did, after)).head.cid).toBe(await operationCid(op))
        } else {
          refused++
          // The log as it would be if the directory had accepted it.
          const forced = before.map((entry, i) => ({ ...entry, nullified: entry.nullified || i > at }))
          const shown = {
            did,
            cid: await operationCid(op),
            operation: op,
            nullified: false,
            createdAt: new Date(),
          }
          const [entry] = parseAuditLog(JSON.parse(JSON.stringify([shown])))
          if (entry) await expect(verifyLog(did, [...forced, entry])).rejects.toThrow()
        }
      }
    }),
    { numRuns: 100, seed: 20261120 },
  )
  // The histories were not all of one kind.
  expect(Math.min(taken, refused, recovered)).toBeGreaterThan(10)
})

test('an operation that nests deeply is refused before it is hashed', async () => {
  const { did, operation } = await genesis()
  const log = (levels: number) => {
    let deep: unknown = 0
    for (let i = 1; i < levels; i++) deep = { a: deep }
    const cid = 'bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'
    const createdAt = '2026-01-01T00:00:00.000Z'
    return [{ did, cid, operation: { ...operation, deep }, nullified: false, createdAt }]
  }
  expect(parseAuditLog(log(16))).toHaveLength(1)
  for (const levels of [17, 3000, 100_000])
    expect(() => parseAuditLog(log(levels))).toThrow(/nested at most 16 levels deep/)
})

test('a key is tried only once, however often an operation names it', async () => {
  const { operation } = await genesis()
  const { sig: _, ...rest } = operation
  const rotationKeys = [...Array.from({ length: 50 }, () => recovery.did), ours.did]
  const signed = await signAny('ours', { ...rest, rotationKeys })
  const did = await didForGenesis(signed)
  const createdAt = '2026-01-01T00:00:00.000Z'
  const log = [{ did, cid: await operationCid(signed), operation: signed, nullified: false, createdAt }]
  expect((await verifyLog(did, parseAuditLog(log))).head.data?.rotationKeys).toHaveLength(51)
})
