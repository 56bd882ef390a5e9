// A move from a backup, when the old server is gone: everything is signed here.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Keypair } from '@atproto/crypto'
import { expect, it } from 'vitest'
import { openArchive } from '../../../src/archive/openArchive.ts'
import { moveAccount } from '../../../src/mover/moveAccount.ts'
import { archiveSource } from '../../../src/mover/peers/archiveSource.ts'
import { standardTarget } from '../../../src/mover/peers/standardTarget.ts'
import type { RotationKey, SigningKey } from '../../../src/signing/keys.ts'
import { folder } from '../../cli/support.ts'
import { signOperation } from '../fakes/directory.ts'
import { createWorld, type FakeWorld } from '../fakes/fakeWorld.ts'
import { memoryStore } from '../fakes/memoryStore.ts'
import { signServiceToken } from '../fakes/tokens.ts'
import { depsOf, NEW_HANDLE, obliging } from './support.ts'

/** Writes the account into a folder, as a backup, and takes its server away. */
const backUp = async ({ account, source }: FakeWorld, path: string): Promise<void> => {
  await mkdir(join(path, 'blobs'), { recursive: true })
  await writeFile(join(path, 'repo.car'), await account.repo.car())
  const lines: string[] = []
  for (const [cid, { bytes, mimeType }] of account.blobs) {
    await writeFile(join(path, 'blobs', cid), bytes)
    lines.push(JSON.stringify({ cid, mimeType, size: bytes.length }))
  }
  await writeFile(join(path, 'blobs.jsonl'), lines.join('\n'))
  await writeFile(join(path, 'preferences.json'), JSON.stringify({ preferences: account.preferences }))
  source.gone = true
}

const rotationKey = (key: Keypair): RotationKey => ({
  did: key.did(),
  signOperation: (operation) => signOperation(key, operation),
})
const signingKey = (key: Keypair): SigningKey =>
  ({
    did: key.did(),
    signServiceToken: (claims: object) => signServiceToken(key, { ...claims }),
  }) as SigningKey

const move = async (
  world: FakeWorld,
  path: string,
  keys: { signing?: readonly Keypair[]; rotation?: readonly Keypair[]; server?: readonly Keypair[] },
) => {
  const archive = await openArchive(path)
  const { owner, asked } = obliging(world)
  const deps = depsOf(world)
  const { signing = [], rotation = [], server = [] } = keys
  const report = await moveAccount({
    account: world.did,
    source: archiveSource({
      archive,
      keys: {
        signing: signing.map(signingKey),
        rotation: [...rotation, ...server].map(rotationKey),
        serverKeys: server.map((key) => key.did()),
      },
      owner,
      deps,
    }),
    target: standardTarget({ origin: world.target.origin, owner, deps }),
    owner,
    store: memoryStore(),
    deps,
    options: { ownerKeys: world.ownerKeys.map((key) => key.did()) },
  })
  return { report, asked }
}

const expectThere = (world: FakeWorld) => {
  const there = world.target.accounts.get(world.did)
  expect(there).toMatchObject({ active: true, handle: NEW_HANDLE, preferences: world.account.preferences })
  expect(there?.repo.data).toBe(world.account.repo.data)
  expect([...world.account.repo.blobs].every((cid) => there?.blobs.has(cid))).toBe(true)
}

it('is signed with the keys of the server that is gone, which the DID then no longer has', async () => {
  await using here = await folder()
  const world = await createWorld()
  await backUp(world, here.path)
  const { report, asked } = await move(world, here.path, {
    signing: [world.account.signingKey],
    server: [world.source.rotationKey],
  })
  expect(report).toMatchObject({ ok: true, missing: [], activated: true })
  expectThere(world)
  expect(world.directory.log(world.did)).toHaveLength(2)
  const keys = world.directory.data(world.did)?.rotationKeys
  expect(keys).toEqual([...world.ownerKeys.map((key) => key.did()), world.target.rotationKey.did()])
  expect(asked.map(({ name }) => name)).not.toContain('plcCode')
  expect(asked.filter(({ asks }) => asks['topic'] === 'differences')).toEqual([])
})

it('with the recovery key alone, names a signing key for the move first', async () => {
  await using here = await folder()
  const world = await createWorld()
  await backUp(world, here.path)
  const { report, asked } = await move(world, here.path, { rotation: world.ownerKeys })
  expect(report).toMatchObject({ ok: true, activated: true })
  expectThere(world)
  expect(world.directory.log(world.did)).toHaveLength(3)
  const [question] = asked.filter(({ asks }) => asks['topic'] === 'operation')
  expect(String(question?.asks['question'])).toContain('for this move only')
})

it('says which keys could sign, if none of them is here', async () => {
  await using here = await folder()
  const world = await createWorld()
  await backUp(world, here.path)
  await expect(move(world, here.path, {})).rejects.toMatchObject({
    code: 'no-signing-key',
    message: expect.stringContaining(world.ownerKeys[0]?.did() ?? '?'),
  })
  expect(world.target.accounts.size).toBe(0)
})

it('of a blob that the backup lacks, says so, and leaves it to the owner', async () => {
  await using here = await folder()
  const world = await createWorld()
  const [lost = ''] = world.account.blobs.keys()
  world.account.blobs.delete(lost)
  await backUp(world, here.path)
  const { report } = await move(world, here.path, {
    signing: [world.account.signingKey],
    server: [world.source.rotationKey],
  })
  expect(report).toMatchObject({ ok: false, missing: [lost], activated: true })
})
