import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createGenesis } from '../../src/plc/build.ts'
import { operationCid } from '../../src/plc/cid.ts'
import type { Operation, UnsignedOperation, VerifiedLog } from '../../src/plc/types.ts'
import { buildUndo, lastRotation, undoState } from '../../src/plc/undo.ts'
import { verifyLog } from '../../src/plc/verifyLog.ts'
import { NOW } from '../crypto/support.ts'
import { oracle, rotationKey, signAny } from './support.ts'

const HOUR = 3600_000
const [recovery, source, target] = await Promise.all(['recovery', 'ours', 'target'].map(rotationKey))
if (!recovery || !source || !target) throw new Error('keys')
const pds = (endpoint: string) => ({ atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint } })
const unsigned = (operation: Operation): UnsignedOperation => {
  const { sig: _, ...rest } = operation
  return rest
}

/** A DID at the source with a recovery key, in a directory with the rules of the real one. */
const scene = async (recoveryKeys = [recovery.did]) => {
  const { did, operation: genesis } = await createGenesis(source, {
    recoveryKeys,
    signingKey: source.did,
    handle: 'alice.example',
    endpoint: 'https://old.example',
  })
  const directory = oracle()
  const submit = async (operation: Operation) => {
    expect(await directory.add(did, operation)).toBe(true)
    return await operationCid(operation)
  }
  const log = async (): Promise<VerifiedLog> => await verifyLog(did, await directory.log(did))
  const first = await submit(genesis)
  const data = unsigned(genesis)
  const undo = await recovery.signOperation(buildUndo(data, first))
  const move = async (prev = first) =>
    await submit(
      await source.signOperation({
        ...data,
        rotationKeys: [...recoveryKeys, target.did],
        services: pds('https://new.example'),
        prev,
      }),
    )
  return { did, directory, submit, log, first, data, undo, move }
}

beforeEach(() => void vi.useFakeTimers({ now: NOW, toFake: ['Date'] }))
afterEach(() => void vi.useRealTimers())

describe('an undo operation', () => {
  it('waits while it follows the head, and is ready once the DID has moved: the directory takes it', async () => {
    const { log, undo, move, submit, first } = await scene()
    expect(await undoState(await log(), undo, NOW)).toEqual({ state: 'fresh', overrides: [source.did] })
    const moved = await move()
    const state = await undoState(await log(), undo, NOW + HOUR)
    expect(state).toMatchObject({
      state: 'ready',
      until: NOW + 72 * HOUR,
      rotation: { from: 'https://old.example', to: 'https://new.example', before: { cid: first } },
      nullifies: [{ cid: moved }],
    })
    await submit(undo)
    const after = await log()
    expect(await undoState(after, undo, NOW + HOUR)).toEqual({ state: 'done' })
    expect(after.entries.map(({ nullified }) => nullified)).toEqual([false, true, false])
    expect(after.head.data).toMatchObject({ rotationKeys: [recovery.did, source.did] })
    expect(after.head.data?.services).toEqual(pds('https://old.example'))
  })

  it('undoes also what the new server signed after the move', async () => {
    const { log, undo, move, submit, data } = await scene()
    const moved = await move()
    const more = await submit(
      await target.signOperation({
        ...data,
        rotationKeys: [target.did],
        services: pds('https://new.example'),
        prev: moved,
      }),
    )
    expect(await undoState(await log(), undo, NOW)).toMatchObject({
      state: 'ready',
      nullifies: [{ cid: moved }, { cid: more }],
    })
    await submit(undo)
    expect((await log()).head.data?.rotationKeys).toEqual([recovery.did, source.did])
  })

  it('undoes a tombstone, of the old server or of the new one: the directory takes it', async () => {
    for (const isMoved of [false, true]) {
      const { log, undo, move, submit, first } = await scene()
      const prev = isMoved ? await move() : first
      await submit(
        (await signAny(isMoved ? 'target' : 'ours', { type: 'plc_tombstone' as const, prev })) as never,
      )
      expect((await log()).head.data).toBe(null)
      expect(await undoState(await log(), undo, NOW)).toMatchObject({ state: 'ready' })
      await submit(undo)
      expect((await log()).head.data?.rotationKeys).toEqual([recovery.did, source.did])
    }
  })

  it('is late after 72 hours, when the directory refuses it too', async () => {
    const { log, undo, move, directory, did } = await scene()
    await move()
    vi.setSystemTime(NOW + 72 * HOUR + 1000)
    expect(await undoState(await log(), undo, Date.now())).toMatchObject({ state: 'late' })
    expect(await directory.add(did, undo)).toBe(false)
  })

  it('is stale after any other operation, though the DID has moved after that', async () => {
    const { log, undo, move, submit, data, first } = await scene()
    const other = await submit(
      await source.signOperation({ ...data, alsoKnownAs: ['at://bob.example'], prev: first }),
    )
    expect(await undoState(await log(), undo, NOW)).toMatchObject({ state: 'stale' })
    await move(other)
    expect(await undoState(await log(), undo, NOW)).toMatchObject({ state: 'stale' })
  })

  it('is stale once it was nullified itself', async () => {
    const top = await rotationKey('a key above all')
    const { log, undo, move, submit, data, first } = await scene([top.did, recovery.did])
    await move()
    await submit(undo)
    await submit(await top.signOperation({ ...data, prev: first }))
    expect(await undoState(await log(), undo, NOW)).toMatchObject({ state: 'stale' })
  })

  it('is powerless if the key that signs the move ranks as high', async () => {
    const { log, data, first, submit } = await scene()
    const own = await source.signOperation(buildUndo(data, first))
    expect(await undoState(await log(), own, NOW)).toMatchObject({ state: 'powerless' })
    await submit(await recovery.signOperation({ ...data, services: pds('https://new.example'), prev: first }))
    const undo = await recovery.signOperation(buildUndo(data, first))
    expect(await undoState(await log(), undo, NOW)).toMatchObject({ state: 'powerless' })
  })

  it('of another DID, of a stranger, or that changes something is foreign', async () => {
    const { log, data, first } = await scene()
    const other = await scene([recovery.did, target.did])
    const stranger = await rotationKey('stranger')
    for (const operation of [
      other.undo,
      await stranger.signOperation(buildUndo(data, first)),
      await recovery.signOperation({ ...data, services: pds('https://evil.example'), prev: first }),
    ])
      expect(await undoState(await log(), operation, NOW)).toMatchObject({ state: 'foreign' })
  })
})

describe('the last move of a DID', () => {
  it('is found below later operations, and is none once it was undone', async () => {
    const { log, undo, move, submit, data } = await scene()
    expect(lastRotation(await log())).toBe(undefined)
    const moved = await move()
    await submit(
      await target.signOperation({
        ...data,
        rotationKeys: [recovery.did, target.did],
        services: pds('https://new.example'),
        alsoKnownAs: [],
        prev: moved,
      }),
    )
    expect(lastRotation(await log())).toMatchObject({ entry: { cid: moved }, to: 'https://new.example' })
    await submit(undo)
    expect(lastRotation(await log())).toBe(undefined)
  })
})
