import { describe, expect, test } from 'vitest'
import { CarError } from '../../src/repo/car.ts'
import { RepoError } from '../../src/repo/verify.ts'
import { DID, importCar, post, posts, rawCid, referenceRepo } from './fixture.ts'

const now = Date.now()

describe('verifying a whole repository', () => {
  test('the reference implementation’s repositories verify, with every record and blob', async () => {
    const image = { $type: 'blob', ref: rawCid(new Uint8Array([1])), mimeType: 'image/png', size: 1 } as const
    const records = { ...posts(500), 'app.bsky.feed.post/image': post('with an image', { embed: { image } }) }
    const { car, key, repo } = await referenceRepo(records)
    const verified = await importCar(car, { did: DID, signingKey: key.did(), now, blocks: 0 })
    expect(verified.repo.cid.toString()).toBe(repo.cid.toString())
    expect(verified.records.map(({ path }) => path)).toEqual(Object.keys(records).sort())
    expect(verified.repo.counts).toMatchObject({ records: 501, complete: true })
    expect(verified.records.flatMap(({ blobs }) => blobs).map(({ cid }) => cid.toString())).toEqual([
      image.ref.toString(),
    ])
  })

  test('a CAR cut after any of its bytes is refused with a typed error', async () => {
    const { car, key } = await referenceRepo(posts(4))
    for (let length = 0; length < car.length; length++) {
      const error: unknown = await importCar(car.slice(0, length), {
        did: DID,
        signingKey: key.did(),
        now,
      }).then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      expect(
        error instanceof CarError || error instanceof RepoError,
        `${length} bytes: ${String(error)}`,
      ).toBe(true)
    }
  })
})
