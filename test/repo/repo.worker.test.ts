import { decodeCid } from '@atproto/lex-data'
import { describe, expect, test } from 'vitest'
import { byteStream } from '../../src/streams/byteStream.ts'
import { carHeader, carSection } from '../../src/repo/car/writeCar.ts'
import { readCar } from '../../src/repo/car/readCar.ts'
import { SectionReader } from '../../src/repo/car/sectionReader.ts'
import { verifyRepo } from '../../src/repo/verifyRepo.ts'
import { Blocks, DID, piecesOf, posts, referenceRepo } from './fixture.ts'

describe('inside workerd', () => {
  test('an exported repository is read back through a request body and verifies', async () => {
    const { blocks, key, cid, storage } = await referenceRepo(posts(2000))
    const sections = [...storage.blocks.entries()].map((block) => carSection(block.cid, block.bytes))
    const sent = byteStream(piecesOf([carHeader(cid), ...sections]))
    // A stream of workerd's own: a byte stream with readAtLeast, as request bodies are.
    const { readable, writable } = new IdentityTransformStream()
    const piped = sent.pipeTo(writable)
    const reader = await readCar(readable)
    const received = new Blocks()
    for await (const run of reader.runs()) {
      for (const section = new SectionReader(run); section.next();)
        received.set(
          decodeCid(run.slice(section.cidAt, section.blockAt)).toString(),
          run.slice(section.blockAt, section.end),
        )
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
      read: received.read,
      blocks: received.size,
    })
    for (const _ of repo.records());
    expect(repo.counts).toMatchObject({ records: 2000, complete: true })
  })

  test('a stream of pieces makes one at a time, and fails with its source', async () => {
    let made = 0
    let left = false
    const endless = byteStream({ next: () => Uint8Array.of(++made), cancel: () => void (left = true) })
    const reader = endless.getReader()
    for (let n = 1; n <= 3; n++) expect((await reader.read()).value).toEqual(Uint8Array.of(n))
    expect(made).toBe(3)
    await reader.cancel()
    expect(left).toBe(true)
    const next = (): never => {
      throw new Error('the database went away')
    }
    const broken = byteStream({ next, cancel: () => {} })
    await expect(new Response(broken).arrayBuffer()).rejects.toThrow('the database went away')
  })

  test('a reader that cancels ends the sender', async () => {
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
