import { expect, it } from 'vitest'
import { connect } from '../../../src/client/index.ts'
import { verifyWholeRepo } from '../../../src/repo/verifyRepo.ts'
import { readCar } from '../../../src/repo/car/readCar.ts'
import { streamOf } from '../../repo/fixture.ts'
import { signOperation } from './directory.ts'
import { createWorld, post, postPath } from './fakeWorld.ts'

/** The plain sequence of a move, with no care at all. */
const move = async () => {
  const world = await createWorld()
  const { source, target, network, did, handle, password, directory } = world
  const old = await connect(source.origin, { fetch: network.fetch }).login({ identifier: handle, password })
  const { token } = await old.com.atproto.server.getServiceAuth({
    aud: target.serviceDid,
    lxm: 'com.atproto.server.createAccount',
  })
  const created = await connect(target.origin, {
    fetch: network.fetch,
    token,
  }).com.atproto.server.createAccount({
    did,
    handle,
    email: 'a@mail.example',
    password: 'another',
  })
  const fresh = connect(target.origin, { fetch: network.fetch, session: created })
  const car = await old.com.atproto.sync.getRepo({ did })
  await fresh.com.atproto.repo.importRepo({ encoding: 'application/vnd.ipld.car', body: car.body })
  const { blobs } = await fresh.com.atproto.repo.listMissingBlobs()
  for (const { cid } of blobs) {
    const { body, encoding } = await old.com.atproto.sync.getBlob({ did, cid })
    await fresh.com.atproto.repo.uploadBlob({ body, encoding })
  }
  const status = await fresh.com.atproto.server.checkAccountStatus()
  await old.com.atproto.identity.requestPlcOperationSignature()
  const credentials = await fresh.com.atproto.identity.getRecommendedDidCredentials()
  const { operation } = await old.com.atproto.identity.signPlcOperation({
    token: world.account.plcCode,
    ...credentials,
    rotationKeys: [...world.ownerKeys.map((key) => key.did()), ...(credentials.rotationKeys ?? [])],
  })
  await fresh.com.atproto.identity.submitPlcOperation({ operation })
  await fresh.com.atproto.server.activateAccount()
  await old.com.atproto.server.deactivateAccount({})
  return { world, status, fresh, data: directory.data(did) }
}

it('moves an account by the plain sequence of calls', async () => {
  const { world, status, data } = await move()
  expect(status).toMatchObject({ expectedBlobs: 3, importedBlobs: 3, indexedRecords: 12 })
  expect(data?.services['atproto_pds']?.endpoint).toBe(world.target.origin)
  expect(world.target.accounts.get(world.did)).toMatchObject({ active: true })
  expect(world.account.active).toBe(false)
  expect(world.target.accounts.get(world.did)?.repo.data).toBe(world.account.repo.data)
})

it('sends CARs that verify, whatever their order, and after more writes', async () => {
  const { account, source, did } = await createWorld()
  await source.write(account, { [postPath(500)]: post('late'), [postPath(0)]: undefined })
  const reader = await readCar(streamOf(await account.repo.car({ reversed: true })))
  const blocks = new Map<string, Uint8Array>()
  for await (const { cid, bytes } of reader) blocks.set(cid.toString(), bytes)
  const [root] = reader.roots
  if (!root) throw new Error('no root')
  const signingKey = account.signingKey.did()
  const input = {
    root,
    did,
    signingKey,
    now: Date.now() + 1000,
    read: (cid: { toString(): string }) => blocks.get(cid.toString()),
  }
  expect((await verifyWholeRepo(input)).counts.records).toBe(12)
})

it('refuses at the directory what a real one would', async () => {
  const { directory, did, source, account } = await createWorld()
  const data = directory.data(did)
  if (!data) throw new Error('no data')
  const { cid: _, ...rest } = data
  const stale = await signOperation(source.rotationKey, {
    type: 'plc_operation',
    ...rest,
    prev: account.repo.cid,
  })
  await expect(directory.submit(did, stale)).rejects.toThrow()
})
