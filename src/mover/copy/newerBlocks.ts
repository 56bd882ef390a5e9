import type { Client } from '../../client/index.ts'
import { readCar } from '../../repo/car/readCar.ts'
import { formatTid } from '../../repo/tid.ts'
import type { CopyDeps } from './copyDeps.ts'
import { counted } from './fetchRepo.ts'

/** More of an answer than that is not read: it is only there to tell old records from new ones. */
const MAX_BYTES = 64 * 1024 * 1024

/**
 * The blocks that a server says it got after this time, by CID; undefined where it does not say. Nothing of it is
 * verified, so nothing may be left behind because of it.
 */
export async function newerBlocks(
  deps: CopyDeps,
  client: Client,
  did: string,
  afterMs: number,
): Promise<ReadonlySet<string> | undefined> {
  const found = new Set<string>()
  try {
    const since = formatTid(afterMs * 1000)
    const { body, length } = await client.com.atproto.sync.getRepo({ did, since }, { signal: deps.signal })
    const car = await readCar(counted(deps, body, { maxBytes: MAX_BYTES, totalBytes: length }), {
      paddedLengths: true,
    })
    for await (const { cid } of car) found.add(cid.toString())
    return found
  } catch {
    deps.signal.throwIfAborted()
    return undefined
  }
}
