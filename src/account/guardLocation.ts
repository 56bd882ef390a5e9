import type { Config } from '../config.ts'
import { ConfigError } from '../configValues.ts'
import type { Platform } from '../platform.ts'
import type { Sql } from './db/sql.ts'

/** In the bucket, which every jurisdiction's object has: where the account's object was made. */
const MARKER_KEY = 'cirrus/data-location.json'
/** In the object's own storage: that the marker was written. */
const NOTED_KEY = 'data-location-noted'

export interface LocationDeps extends Pick<Config, 'did' | 'dataLocation'> {
  storage: Pick<DurableObjectStorage, 'get' | 'put'>
  bucket: Pick<Platform['bucket'], 'get' | 'put' | 'list'>
  sql: Sql
}

const describe = (jurisdiction: string): string => (jurisdiction === '' ? 'none' : `"${jurisdiction}"`)

const refusal = (made: string, jurisdiction: string): ConfigError =>
  new ConfigError(
    'DATA_LOCATION',
    `names the jurisdiction ${describe(jurisdiction)}, and the account's object was made ${made}. Another jurisdiction has another, empty object: put the old value back, or, to move the account, back it up (\`pds backup <dir>\`), set up a Worker with another name and bucket, and restore it there (\`pds restore <dir>\`)`,
  )

/**
 * Refuses to begin an empty object where the account has one in another jurisdiction: it would look like an account that
 * is gone. A new object reads where an earlier one was made before it makes its tables; every object notes it once.
 */
export async function guardLocation(deps: LocationDeps): Promise<void> {
  const { storage, bucket, did, dataLocation } = deps
  const { jurisdiction = '' } = dataLocation
  if ((await storage.get(NOTED_KEY)) !== undefined) return
  const isNew = deps.sql.first("SELECT 1 AS yes FROM sqlite_master WHERE name = 'account'") === undefined
  if (isNew) await refuseSecond(deps, jurisdiction)
  try {
    await bucket.put(MARKER_KEY, JSON.stringify({ did, jurisdiction }))
    await storage.put(NOTED_KEY, jurisdiction)
  } catch (cause) {
    // It is written at the next start. An object that has the account does not need it.
    if (isNew) throw cause
  }
}

const refuseSecond = async ({ bucket, did }: LocationDeps, jurisdiction: string): Promise<void> => {
  const text = await (await bucket.get(MARKER_KEY))?.text()
  if (text !== undefined) {
    const marker: unknown = JSON.parse(text)
    const made = readMarker(marker, did)
    if (made !== undefined && made !== jurisdiction) throw refusal(`with ${describe(made)}`, jurisdiction)
    return
  }
  // An object of an earlier version has left no marker, and those had no jurisdiction; but perhaps blobs.
  if (jurisdiction === '') return
  const { objects } = await bucket.list({ limit: 1 })
  if (objects.length > 0) throw refusal('without one: the bucket has blobs', jurisdiction)
}

const readMarker = (marker: unknown, did: string): string | undefined => {
  if (typeof marker !== 'object' || marker === null || Reflect.get(marker, 'did') !== did) return undefined
  const jurisdiction: unknown = Reflect.get(marker, 'jurisdiction')
  return typeof jurisdiction === 'string' ? jurisdiction : undefined
}
