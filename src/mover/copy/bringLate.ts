import { XrpcError } from '../../client/index.ts'
import { moverFailure } from '../refusal.ts'
import type { Source } from '../source.ts'
import type { Target } from '../target.ts'
import { type CopyDeps, declines, pauseMs } from './copyDeps.ts'
import { copyBlobs, type MissingBlob } from './copyBlobs.ts'
import type { LateWrite } from './findLate.ts'

export interface BroughtLate {
  /** How many records were written or deleted at the target. */
  readonly brought: number
  /** What could not be brought over, and why. */
  readonly failed: readonly { readonly uri: string; readonly problem: string }[]
  readonly missing: readonly MissingBlob[]
}

export interface BringLateOptions {
  readonly did: string
  readonly source: Pick<Source, 'client'>
  readonly target: Pick<Target, 'client'>
  readonly writes: readonly LateWrite[]
}

const WRITES = 'com.atproto.repo.applyWrites'
/** A commit may have 200 operations. */
const WRITES_PER_CALL = 100
/** How often a rate limit is waited for. */
const MAX_LIMITS = 10

const splitPath = (path: string): { collection: string; rkey: string } => {
  const slash = path.indexOf('/')
  return { collection: path.slice(0, slash), rkey: path.slice(slash + 1) }
}

/** Any record: what it is, the server knows. */
type Value = { [key: string]: unknown }

const inputOf = ({ path, action, value }: LateWrite) => {
  const at = splitPath(path)
  if (action === 'delete') return { $type: `${WRITES}#delete` as const, ...at }
  const $type = action === 'create' ? (`${WRITES}#create` as const) : (`${WRITES}#update` as const)
  return { $type, ...at, value: Object(value) as Value }
}

/**
 * Writes late records to the target, which is active by then: their blobs first, then the records as they are. What it
 * refuses is tried by itself, and named. Conflicts are for the caller to leave out.
 */
export async function bringLate(deps: CopyDeps, options: BringLateOptions): Promise<BroughtLate> {
  const { did, target, writes } = options
  const blobs = new Map(writes.flatMap((write) => write.blobs).map((blob) => [blob.cid, blob]))
  const { missing } =
    blobs.size > 0 ? await copyBlobs(deps, { ...options, blobs }) : { missing: [] as MissingBlob[] }
  const failed: { uri: string; problem: string }[] = []
  const fail = ({ path }: LateWrite, problem: string) =>
    void failed.push({ uri: `at://${did}/${path}`, problem })
  const writable = writes.filter((write) => {
    if (write.problem !== undefined) fail(write, write.problem)
    return write.problem === undefined
  })

  let brought = 0
  let limits = 0
  const apply = async (some: readonly LateWrite[]): Promise<void> => {
    try {
      await target.client.com.atproto.repo.applyWrites(
        { repo: did, validate: false, writes: some.map(inputOf) },
        { signal: deps.signal },
      )
      brought += some.length
    } catch (cause) {
      deps.signal.throwIfAborted()
      // Only this says that nothing was written: after a lost answer, the difference is looked for again.
      if (cause instanceof XrpcError && cause.status === 429 && limits++ < MAX_LIMITS) {
        await deps.wait(pauseMs(cause, limits, deps.now()), deps.signal)
        return await apply(some)
      }
      if (!(cause instanceof XrpcError) || !declines(cause) || cause.status === 401)
        throw moverFailure(cause, 'target')
      const [only, ...others] = some
      if (only && others.length === 0) return fail(only, `${cause.error}: ${cause.message}`)
      for (const one of some) await apply([one])
    }
  }
  for (let i = 0; i < writable.length; i += WRITES_PER_CALL)
    await apply(writable.slice(i, i + WRITES_PER_CALL))
  return { brought, failed, missing }
}
