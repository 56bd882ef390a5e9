import { describe, expect, test } from 'vitest'
import { carStream, readCar } from '../../src/repo/car.ts'
import { verifyRepo } from '../../src/repo/verify.ts'
import { Blocks, DID, posts, referenceRepo } from './fixture.ts'

describe('inside workerd', () => {
  test('an exported repository is read back through a request body and verifies', async () => {
    const { blocks, key, cid, storage } = await referenceRepo(posts(2000))
    const sent = carStream(cid, storage.blocks.entries())
    // A body of workerd's own making: a byte stream with readAtLeast, as requests have.
    const { readable, writable } = new IdentityTransformStream()
    const piped = sent.pipeTo(writable)
    const reader = await readCar(readable)
    const received = new Blocks()
    for await (const batch of reader.batches()) {
      for (const block of batch) received.set(block.cid.toString(), block.bytes)
    }
    await piped
    expect(received.size).toBe(blocks.size)
    const [root] = reader.roots
    if (!root) throw new Error('no root')
    const repo = await verifyRepo({
      root,
      did: DID,
      signingKey: key.did(),
      now: Date.now(),
      getMany: received.getMany,
      blocks: received.size,
    })
    for await (const _ of repo.records());
    expect(repo.counts).toMatchObject({ records: 2000, complete: true })
  })

  test('a reader who gives up ends the sender', async () => {
    const { readable, writable } = new IdentityTransformStream()
    const writer = writable.getWriter()
    const send = async (): Promise<void> => {
      for (let i = 0; i < 1000; i++) await writer.write(new Uint8Array(64 * 1024).fill(1))
    }
    const sent = send().then(
      () => 'everything was taken',
      () => 'refused',
    )
    await expect(readCar(readable)).rejects.toMatchObject({ code: 'BadHeader' })
    expect(await sent).toBe('refused')
  })
})
