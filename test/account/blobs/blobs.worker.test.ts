import { cidForRawBytes } from '@atproto/lex-data'
import { describe, expect, it } from 'vitest'
import { blob, DID, inAccount, POST, post, type TestAccount, unpost } from '../support/account.ts'

const streamOf = (bytes: Uint8Array, chunk = 300_000): ReadableStream<Uint8Array> => {
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) controller.close()
      else controller.enqueue(bytes.slice(at, (at += chunk)))
    },
  })
}

const failed = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no error',
    (cause: { error?: string; message: string }) => cause.error ?? cause.message,
  )

const objects = async ({ platform }: TestAccount) => {
  const { objects: all } = await platform.bucket.list({ prefix: DID })
  return all.map(({ key }) => key).toSorted()
}

/** Expects the bucket to have exactly the objects that SQL knows. */
const expectBucketMatches = async (account: TestAccount) => {
  const rows = account.sql.all<{ key: string }>('SELECT key FROM blob')
  expect(account.sql.all('SELECT * FROM blob_loose')).toEqual([])
  expect(await objects(account)).toEqual(rows.map(({ key }) => key).toSorted())
}

/** Each test has a bucket without its predecessors' objects. */
const inEmpty = (work: (account: TestAccount) => Promise<void>) =>
  inAccount(async (account) => {
    const left = await objects(account)
    if (left.length > 0) await account.platform.bucket.delete(left)
    await work(account)
  })

describe('blobs', () => {
  for (const size of [0, 1, 70_000, 5 * 1024 * 1024, 12_000_001]) {
    it(`of ${size} bytes go in and come out, with and without a declared length`, () =>
      inEmpty(async (account) => {
        const bytes = new Uint8Array(size).map((_, i) => (i * 7 + (i >> 9)) & 255)
        const cid = (await cidForRawBytes(bytes)).toString()
        for (const length of [size, undefined]) {
          const meta = await account.blobs.upload(streamOf(bytes), {
            mimeType: 'image/png',
            limit: 2e7,
            length,
          })
          expect(meta).toEqual({ cid, size, mimeType: 'image/png' })
          const read = await account.blobs.get(cid)
          expect(read).toMatchObject({ cid, size, mimeType: 'image/png' })
          const back = new Uint8Array(await new Response(read?.body).arrayBuffer())
          expect(Buffer.from(back).equals(Buffer.from(bytes))).toBe(true)
          await expectBucketMatches(account)
        }
      }))
  }

  it('are refused when too large, too short, too long or another than expected, and leave nothing', () =>
    inEmpty(async (account) => {
      const bytes = new Uint8Array(200_000).fill(7)
      const expect1 = await cidForRawBytes(new Uint8Array([1]))
      const { blobs } = account
      const base = { mimeType: 'image/png', limit: 1e6 }
      expect(await failed(blobs.upload(streamOf(bytes), { ...base, limit: 1e5, length: 200_000 }))).toBe(
        'PayloadTooLarge',
      )
      expect(await failed(blobs.upload(streamOf(bytes), { ...base, limit: 1e5 }))).toBe('PayloadTooLarge')
      expect(await failed(blobs.upload(streamOf(bytes), { ...base, length: 200_001 }))).toBe('InvalidRequest')
      expect(await failed(blobs.upload(streamOf(bytes), { ...base, length: 199_999 }))).toBe('InvalidRequest')
      expect(await failed(blobs.upload(streamOf(bytes), { ...base, length: 200_000, expect: expect1 }))).toBe(
        'InvalidRequest',
      )
      expect(await failed(blobs.upload(streamOf(bytes), { ...base, expect: expect1 }))).toBe('InvalidRequest')
      expect(account.sql.all('SELECT * FROM blob')).toEqual([])
      await expectBucketMatches(account)
      const right = await cidForRawBytes(bytes)
      const meta = await blobs.upload(streamOf(bytes), { ...base, length: 200_000, expect: right })
      expect(meta.cid).toBe(right.toString())
      await expectBucketMatches(account)
    }))

  it('are given in part, and not at all to whom has them', () =>
    inEmpty(async (account) => {
      const { ref } = await blob(account, '0123456789')
      const cid = ref.toString()
      const part = async (range: R2Range) => {
        const read = await account.blobs.get(cid, { range })
        return [await new Response(read?.body).text(), read?.range]
      }
      expect(await part({ offset: 2, length: 3 })).toEqual(['234', { offset: 2, length: 3 }])
      expect(await part({ offset: 7 })).toEqual(['789', { offset: 7, length: 3 }])
      expect(await part({ suffix: 4 })).toEqual(['6789', { offset: 6, length: 4 }])
      expect(await account.blobs.get('bafkreinothere')).toBeUndefined()
    }))

  it('are listed, counted and missed by what records refer to', () =>
    inEmpty(async (account) => {
      const { repo, blobs, sql } = account
      const refs = [await blob(account, 'a'), await blob(account, 'bb'), await blob(account, 'ccc')]
      const [a, b, c] = refs
      await repo.create()
      expect(blobs.listReferenced({ limit: 10 }).cids).toEqual([])
      expect(blobs.counts()).toEqual({ expected: 0, stored: 0, bytes: 0 })
      const one = await repo.commit([post('a', 'x', { embed: a })])
      await repo.commit([post('b', 'x', { embed: [b, a] }), post('c', 'x', { embed: c })])
      const all = refs.map(({ ref }) => ref.toString()).toSorted()
      const pages: string[] = []
      for (let cursor: string | undefined; ;) {
        const page = blobs.listReferenced({ limit: 2, cursor })
        pages.push(...page.cids)
        cursor = page.cursor
        if (!cursor) break
      }
      expect(pages).toEqual(all)
      expect(blobs.listReferenced({ limit: 10, since: one.commit?.rev }).cids).toEqual(
        [b, c].map((blobRef) => blobRef?.ref.toString()).toSorted(),
      )
      expect(blobs.counts()).toEqual({ expected: 3, stored: 3, bytes: 6 })
      expect(blobs.listStored({ limit: 2 }).blobs.map(({ cid }) => cid)).toEqual(all.slice(0, 2))
      // Editing the record keeps the revision that first referred to the blob.
      await repo.commit([post('a', 'edited', { embed: a })])
      expect(blobs.listReferenced({ limit: 10, since: one.commit?.rev }).cids).toHaveLength(2)
      sql.run('DELETE FROM blob WHERE cid = ?', b?.ref.toString() ?? '')
      expect(blobs.listMissing({ limit: 10 }).blobs).toEqual([
        { cid: b?.ref.toString(), recordUri: `at://${DID}/${POST}/b` },
      ])
      expect(blobs.counts()).toEqual({ expected: 3, stored: 2, bytes: 4 })
      await repo.commit([unpost('b'), unpost('c')])
      expect(blobs.listReferenced({ limit: 10 }).cids).toEqual([a?.ref.toString()])
      expect((await account.check()).problems).toEqual([])
    }))

  it('must be uploaded before a record refers to them', () =>
    inEmpty(async (account) => {
      await account.repo.create()
      const ref = await cidForRawBytes(new Uint8Array([9]))
      const embed = { $type: 'blob', ref, mimeType: 'a/b', size: 1 }
      expect(await failed(account.repo.commit([post('a', 'x', { embed })]))).toBe('BlobNotFound')
      const legacy = { cid: ref.toString(), mimeType: 'a/b' }
      expect(await failed(account.repo.commit([post('a', 'x', { embed: legacy })]))).toBe('InvalidRequest')
    }))

  it('must be stored, with the size and type that the record says, when the commit is written', () =>
    inEmpty(async (account) => {
      const { repo, sql, key } = account
      await repo.create()
      const embed = await blob(account, 'here')
      const message = (more: object): Promise<string> =>
        repo.commit([post('a', 'x', { embed: { ...embed, ...more } })]).then(
          () => 'no error',
          (cause: Error) => cause.message,
        )
      const before = [repo.head(), sql.written]
      expect(await message({ size: 5 })).toBe(`The blob ${embed.ref} has 4 bytes, the record says 5`)
      expect(await message({ mimeType: 'a/b' })).toBe(
        `The blob ${embed.ref} is of type text/plain, the record says a/b: refer to it as uploadBlob answered`,
      )
      expect([repo.head(), sql.written]).toEqual(before)
      // Collected while the commit is being signed.
      const sign = key.sign.bind(key)
      key.sign = (bytes) => {
        sql.run('DELETE FROM blob')
        return sign(bytes)
      }
      expect(await message({})).toBe(`Could not find blob: ${embed.ref}. Upload it first, with uploadBlob`)
      expect([repo.head(), sql.rollbacks]).toEqual([before[0], 0])
      key.sign = sign
      await blob(account, 'here')
      expect(await message({})).toBe('no error')
      expect((await account.check()).problems).toEqual([])
    }))

  it('are collected once no record has referred to them for a day, and never while one does', () =>
    inEmpty(async (account) => {
      const { blobs, clock, repo } = account
      await repo.create()
      const kept = await blob(account, 'kept')
      const lost = await blob(account, 'lost')
      await repo.commit([post('a', 'x', { embed: kept })])
      clock.now += 20 * 3600_000
      expect(await blobs.collect()).toEqual({ deleted: 0, more: false })
      clock.now += 5 * 3600_000
      expect(await blobs.collect()).toEqual({ deleted: 1, more: false })
      expect(blobs.stat(lost.ref.toString())).toBeUndefined()
      expect(blobs.stat(kept.ref.toString())).toBeDefined()
      await expectBucketMatches(account)
      // After another upload, the day begins again.
      await blob(account, 'kept')
      await repo.commit([unpost('a')])
      clock.now += 20 * 3600_000
      await blob(account, 'kept')
      clock.now += 20 * 3600_000
      expect((await blobs.collect()).deleted).toBe(0)
      await expectBucketMatches(account)
    }))

  it('are kept for a day after their last record was deleted, however old they are', () =>
    inEmpty(async (account) => {
      const { blobs, clock, repo } = account
      const embed = await blob(account, 'an old picture')
      await repo.create()
      await repo.commit([post('a', 'x', { embed }), post('b', 'y', { embed })])
      clock.now += 100 * 3600_000
      await repo.commit([unpost('a')])
      await repo.commit([unpost('b')])
      clock.now += 23 * 3600_000
      await blobs.collect()
      expect(blobs.stat(String(embed.ref))).toBeDefined()
      clock.now += 2 * 3600_000
      await blobs.collect()
      expect(blobs.stat(String(embed.ref))).toBeUndefined()
      await expectBucketMatches(account)
    }))

  it('are repaired by an upload where the bucket lost the object', () =>
    inEmpty(async (account) => {
      const { ref } = await blob(account, 'precious')
      await account.platform.bucket.delete(await objects(account))
      expect(await account.blobs.get(ref.toString())).toBeUndefined()
      await blob(account, 'precious')
      expect(await new Response((await account.blobs.get(ref.toString()))?.body).text()).toBe('precious')
      await expectBucketMatches(account)
    }))
})
