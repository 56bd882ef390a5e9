import { createGenesis } from '../../../src/plc/build.ts'
import { didForGenesis, operationCid } from '../../../src/plc/cid.ts'
import { PlcError } from '../../../src/plc/errors.ts'
import { verifyLog } from '../../../src/plc/verifyLog.ts'
import { parseAuditLog, parseOperation } from '../../../src/plc/parse.ts'
import type { VerifiedLog } from '../../../src/plc/types.ts'
import { rotationKey, signAny } from '../../plc/support.ts'
import type { Target } from '../engine.ts'
import { type Json, jsonText, mutateJson } from '../json.ts'
import type { Random } from '../random.ts'

const NAMES = ['recovery', 'ours', 'target', 'stranger'] as const
const keys = Object.fromEntries(
  await Promise.all(NAMES.map(async (name) => [name, await rotationKey(name)] as const)),
)
const dids = NAMES.map((name) => keys[name]?.did ?? '')
const [recovery = '', ours = ''] = dids
const ourKey = keys.ours
if (!ourKey) throw new Error('keys')
const { did, operation } = await createGenesis(ourKey, {
  ...{
    recoveryKeys: [recovery],
    signingKey: ours,
    handle: 'alice.example',
    endpoint: 'https://cirrus.example',
  },
})
const first: Operation = { ...operation }
const legacy: Operation = await signAny('ours', {
  ...{
    type: 'create',
    signingKey: ours,
    recoveryKey: recovery,
    handle: 'bob.example',
    service: 'old.example',
    prev: null,
  },
})

type Operation = { [name: string]: Json }
interface Entry {
  did: string
  operation: Operation
  cid: string
  nullified: boolean
  createdAt: string
  [name: string]: Json
}

export interface Log {
  did: string
  log: Json
}

/** As deep as the encoder gets on the smallest stack that this runs on, so that it is the same everywhere. */
const MAX_DEPTH = 1000

const isDeeper = (root: Json, max: number): boolean => {
  let level: Json[] = [root]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > max) return true
    level = level.flatMap((value) =>
      typeof value === 'object' && value !== null ? Object.values(value) : [],
    )
  }
  return false
}

/** A signed operation with the right hash; nothing if it has no DAG-CBOR form. */
const signed = async (
  name: string,
  operation: Operation,
): Promise<{ operation: Operation; cid: string } | undefined> => {
  if (isDeeper(operation, MAX_DEPTH)) return undefined
  try {
    const { sig: _, ...rest } = operation
    const done = await signAny(name, rest)
    return { operation: done, cid: await operationCid(done) }
  } catch {
    return undefined
  }
}

const GENESES: Log[] = await Promise.all(
  [first, legacy].map(async (operation) => {
    const cid = await operationCid(operation)
    const entry = { did, operation, cid, nullified: false, createdAt: '2026-01-01T00:00:00.000Z' }
    const own = await didForGenesis(operation)
    return { did: own, log: [{ ...entry, did: own }] }
  }),
)

/** A history as a directory would keep it, or nearly so: forks, nullified operations, recoveries that are too late. */
const history = async (random: Random): Promise<Log> => {
  const base = random.pick(GENESES)
  const log = structuredClone(base.log) as Entry[] // made above
  let time = Date.parse('2026-01-01T00:00:00Z')
  for (let left = random.small(random.chance(0.05) ? 40 : 6); left > 0; left--) {
    const before = random.chance(0.7) ? log.at(-1) : random.pick(log)
    if (!before) break
    time += random.pick([0, 1000, 3600_000, 71 * 3600_000, 73 * 3600_000])
    const data = before.operation.type === 'plc_operation' ? before.operation : first
    const change: Operation = random.chance(0.1)
      ? { type: 'plc_tombstone', prev: before.cid }
      : { ...data, rotationKeys: dids.filter(() => random.chance(0.7)), prev: before.cid }
    const wild = random.chance(0.15) ? mutateJson(change, random) : change
    const made = await signed(
      random.pick(NAMES),
      typeof wild === 'object' && wild !== null && !Array.isArray(wild) ? wild : change,
    )
    if (!made) continue
    for (let i = log.indexOf(before) + 1; i < log.length; i++) {
      const entry = log[i]
      if (entry && random.chance(0.9)) entry.nullified = true
    }
    log.push({
      did: base.did,
      ...made,
      nullified: random.chance(0.03),
      createdAt: new Date(time).toISOString(),
    })
  }
  return { did: base.did, log }
}

/** Verifying a k256 signature in plain JavaScript takes one to two milliseconds, and leaves big integers to be collected. */
const CHECK = { ms: 4, bytes: 512 * 1024 }

/** How many verifications the rules of did:plc need: each operation with each key of the one before it. */
const checks = (log: Json): number => {
  if (!Array.isArray(log)) return 0
  const keysAt = new Map<Json | undefined, number>()
  let count = 0
  for (const [i, entry] of log.entries()) {
    const { operation, cid } = (entry ?? {}) as Partial<Entry> // or not: the fields are checked
    const keys = operation?.rotationKeys
    const own = operation?.type === 'create' ? 2 : Array.isArray(keys) ? new Set(keys).size : 0
    count += i === 0 ? own : (keysAt.get(operation?.prev) ?? 0)
    keysAt.set(cid, own)
  }
  return Math.min(count, 6 + 10 * log.length)
}

export const plc: Target<Log, VerifiedLog> = {
  name: 'plc',
  typed: [PlcError],
  allow: ({ log }) => ({ ms: CHECK.ms * checks(log), bytes: CHECK.bytes * checks(log) }),
  generate: async (random) => {
    const made = await history(random)
    return random.chance(0.5) ? { ...made, log: mutateJson(made.log, random) } : made
  },
  mutate: ({ did, log }, random) => ({ did, log: mutateJson(log, random) }),
  run: async ({ did, log }) => {
    for (const entry of Array.isArray(log) ? log : [log]) {
      try {
        parseOperation(
          entry !== null && typeof entry === 'object' && 'operation' in entry ? entry.operation : entry,
        )
      } catch (cause) {
        if (!(cause instanceof PlcError)) throw cause
      }
    }
    return verifyLog(did, parseAuditLog(log))
  },
  check: async ({ did, log }, { head, entries }) => {
    const given = log as Entry[] // it was accepted as one
    if ((await didForGenesis(given[0]?.operation)) !== did) throw new Error('the log of another DID')
    for (const { operation, cid } of given)
      if ((await operationCid(operation)) !== cid) throw new Error('a wrong hash')
    const standing = entries.filter(({ nullified }) => !nullified)
    if (standing.at(-1)?.cid !== head.cid) throw new Error('the head is not the last valid operation')
    for (const [i, { raw }] of standing.entries())
      if (i > 0 && raw.prev !== standing[i - 1]?.cid) throw new Error('the valid operations are not a chain')
  },
  show: ({ did, log }) => jsonText({ did, log }),
  parse: (shown) => JSON.parse(shown) as Log,
}
