import { describe, expect, it } from 'vitest'
import { addRecoveryKey } from '../../../src/mover/undo/addRecoveryKey.ts'
import type { PreviewLine } from '../../../src/mover/identity/preview.ts'
import { MoverError } from '../../../src/mover/moverError.ts'
import type { Owner, QuestionName } from '../../../src/mover/owner.ts'
import { parseUnsignedOperation } from '../../../src/plc/parse.ts'
import type { UnsignedOperation } from '../../../src/plc/types.ts'
import { signOperation } from '../fakes/directory.ts'
import { createWorld, type FakeWorld } from '../fakes/fakeWorld.ts'
import { fakeKey } from '../fakes/keys.ts'
import { json } from '../fakes/network.ts'

const key = (await fakeKey('a new recovery key')).did()

const add = async (world: FakeWorld, { yes = true, origin = world.source.origin } = {}) => {
  const shown: PreviewLine[] = []
  const asked: string[] = []
  const answer = async (name: QuestionName, asks: unknown): Promise<unknown> => {
    if (name === 'sourcePassword') return world.password
    if (name === 'plcCode') {
      await (asks as { send: () => Promise<void> }).send()
      return world.account.plcCode
    }
    if (name !== 'confirm') throw new Error(`nobody answers ${name}`)
    const { topic, insists } = asks as { topic: string; insists: boolean }
    asked.push(topic)
    if (insists) throw new MoverError('not-confirmed', 'there is nobody to ask')
    return yes
  }
  const owner: Owner = { answer: (name, asks) => answer(name, asks) as never }
  const done = addRecoveryKey({
    key,
    account: world.did,
    origin,
    owner,
    deps: {
      ...world.network,
      random: (n) => new Uint8Array(n),
      signal: new AbortController().signal,
      directoryUrl: world.directory.origin,
      dev: false,
    },
    show: (lines) => void shown.push(...lines),
  })
  return { result: await done.catch((cause: unknown) => cause), shown, asked }
}
const keysOf = ({ directory, did }: FakeWorld) => directory.data(did)?.rotationKeys

/** The source signs another operation than the one that it is asked for. */
const changeSigned = (world: FakeWorld, change: (operation: UnsignedOperation) => UnsignedOperation) =>
  world.source.hooks.push({
    async after({ method }, response) {
      if (!method.endsWith('signPlcOperation')) return response
      const { operation } = (await response.json()) as { operation: Record<string, unknown> }
      const { sig: _, ...unsigned } = operation
      return json({
        operation: await signOperation(world.source.rotationKey, change(parseUnsignedOperation(unsigned))),
      })
    },
  })

describe('a recovery key for an account on any PDS', () => {
  it('is put first, signed by the PDS for a mailed code, and submitted by us', async () => {
    const world = await createWorld()
    const before = keysOf(world) ?? []
    const { result, shown } = await add(world)
    expect(result).toEqual({ did: world.did, rotationKeys: [key, ...before], already: false })
    expect(keysOf(world)).toEqual([key, ...before])
    expect(shown).toContainEqual({ kind: 'added', text: `rotation key 1: ${key} (your recovery key)` })
    expect(shown).toContainEqual({
      kind: 'kept',
      text: `rotation key 3: ${world.source.rotationKey.did()} (the server’s), was 2`,
    })
    // Our request to the directory, not the server's.
    expect(world.source.calls.get('com.atproto.identity.submitPlcOperation')).toBe(undefined)
    expect((await add(world)).result).toMatchObject({ already: true })
  })

  it('is not asked a code for before the owner agrees', async () => {
    const world = await createWorld()
    expect((await add(world, { yes: false })).result).toMatchObject({ code: 'not-confirmed' })
    expect(world.account.plcCode).toBe(undefined)
    expect(world.network.requests.some(({ path }) => path.endsWith('deleteSession'))).toBe(true)
  })

  it('sends the password to no server but the one that the DID names', async () => {
    const world = await createWorld()
    const { result } = await add(world, { origin: world.target.origin })
    expect(result).toMatchObject({ code: 'not-its-pds' })
    expect(world.target.calls.get('com.atproto.server.createSession')).toBe(undefined)
  })

  it.each<[string, (operation: UnsignedOperation) => UnsignedOperation, string]>([
    [
      'another key above it',
      (operation) => ({ ...operation, rotationKeys: operation.rotationKeys.toReversed() }),
      'source-refused',
    ],
    [
      'a service of its own',
      (operation) => ({
        ...operation,
        services: { ...operation.services, evil: { type: 'Evil', endpoint: 'https://evil.example' } },
      }),
      'operation-differs',
    ],
    [
      'one key less',
      (operation) => ({ ...operation, rotationKeys: operation.rotationKeys.filter((_, i) => i !== 1) }),
      'operation-differs',
    ],
  ])('is not submitted with %s', async (_, change, code) => {
    const world = await createWorld()
    const before = keysOf(world)
    changeSigned(world, change)
    expect((await add(world)).result).toMatchObject({ code })
    expect(keysOf(world)).toEqual(before)
  })

  it('is refused where there would be more keys than the directory takes', async () => {
    const world = await createWorld({ ownerKeys: 4 })
    expect((await add(world)).result).toMatchObject({ code: 'too-many-keys' })
  })
})
