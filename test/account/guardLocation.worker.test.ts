import { env } from 'cloudflare:workers'
import { describe, expect, it, vi } from 'vitest'
import { guardLocation } from '../../src/account/guardLocation.ts'
import { Sql } from '../../src/account/db/sql.ts'
import { type DataLocation, objectAt } from '../../src/dataLocation.ts'
import { DID, inStorage } from './support/account.ts'

/** The bucket that the objects of both jurisdictions share. */
const emptyBucket = async (): Promise<R2Bucket> => {
  const bucket = (env as unknown as { BLOBS: R2Bucket }).BLOBS
  const { objects } = await bucket.list()
  await bucket.delete(objects.map(({ key }) => key))
  return bucket
}

/** Starts an object in its own storage, an empty one unless `make` makes its tables before. */
const start = (
  bucket: R2Bucket,
  dataLocation: DataLocation,
  make?: (open: () => unknown) => void,
): Promise<void> =>
  inStorage(async (storage, open) => {
    make?.(open)
    await guardLocation({ storage, bucket, sql: new Sql(storage), did: DID, dataLocation })
  })

const EU: DataLocation = { jurisdiction: 'eu' }
const refused = expect.objectContaining({
  name: 'ConfigError',
  message: expect.stringContaining('put the old value back'),
})

describe('DATA_LOCATION', () => {
  it('cannot change to another jurisdiction, and can change back', async () => {
    const bucket = await emptyBucket()
    await start(bucket, EU)
    for (const other of [{}, { hint: 'weur' }, { jurisdiction: 'us' }] as const)
      await expect(start(bucket, other)).rejects.toEqual(refused)
    await start(bucket, EU)
  })

  it('cannot be set for an account that was made without one', async () => {
    const bucket = await emptyBucket()
    await start(bucket, {})
    await expect(start(bucket, EU)).rejects.toEqual(refused)
    await start(bucket, { hint: 'weur' })
  })

  it('cannot be set where an earlier version has left blobs and no marker', async () => {
    const bucket = await emptyBucket()
    await bucket.put('blobs/x', 'x')
    await expect(start(bucket, EU)).rejects.toEqual(refused)
    await start(bucket, {})
  })

  it('is noted by an object of an earlier version when it starts', async () => {
    const bucket = await emptyBucket()
    await start(bucket, {}, (open) => open())
    await expect(start(bucket, EU)).rejects.toEqual(refused)
  })

  it('is noted once, and a bucket that is down does not keep an account from starting', async () => {
    const bucket = await emptyBucket()
    const down = new Error('the bucket is down')
    await inStorage(async (storage, open) => {
      open()
      const deps = { storage, sql: new Sql(storage), did: DID, dataLocation: EU }
      const put = vi.fn<R2Bucket['put']>().mockRejectedValue(down)
      await guardLocation({ ...deps, bucket: { get: put, put, list: put } as never })
      expect(put).toHaveBeenCalledTimes(1)
      await guardLocation({ ...deps, bucket })
      await guardLocation({ ...deps, bucket: { get: put, put, list: put } as never })
      expect(put).toHaveBeenCalledTimes(1)
    })
    // An empty object does not begin while it cannot see whether there is another.
    const broken = { get: () => Promise.reject(down) } as never
    await expect(start(broken, EU)).rejects.toBe(down)
  })

  it('is another object only as a jurisdiction', () => {
    const getByName = vi.fn<(name: string, options: object) => string>((name) => name)
    const jurisdiction = vi.fn<(name: string) => object>(() => ({ getByName }))
    const namespace = { getByName, jurisdiction } as never
    objectAt(namespace, DID, {})
    objectAt(namespace, DID, { hint: 'weur' })
    expect(jurisdiction).not.toHaveBeenCalled()
    objectAt(namespace, DID, EU)
    expect(jurisdiction).toHaveBeenCalledWith('eu')
    expect(getByName.mock.calls).toEqual([
      [DID, {}],
      [DID, { locationHint: 'weur' }],
      [DID, {}],
    ])
  })
})
