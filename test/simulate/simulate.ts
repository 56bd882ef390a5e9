import type { Fetch } from '../../src/client/index.ts'
import { moveAccount } from '../../src/mover/moveAccount.ts'
import { MoverError } from '../../src/mover/moverError.ts'
import { passwordSource } from '../../src/mover/peers/passwordSource.ts'
import { standardTarget } from '../../src/mover/peers/standardTarget.ts'
import type { MoveEvent, MoveReport } from '../../src/mover/moveEvent.ts'
import type { MoveStore } from '../../src/mover/moveStore.ts'
import type { MoverDeps } from '../../src/mover/moverDeps.ts'
import { Random } from '../fuzz/random.ts'
import { DIRECTORY_FAULTS } from '../mover/fakes/faults/directories.ts'
import type { Fault } from '../mover/fakes/faults/fault.ts'
import { HOSTILE_FAULTS } from '../mover/fakes/faults/hostile.ts'
import { LOSING_FAULTS } from '../mover/fakes/faults/losing.ts'
import { MOVE_FAULTS } from '../mover/fakes/faults/moves.ts'
import { RECORD_FAULTS } from '../mover/fakes/faults/records.ts'
import { SOURCE_FAULTS } from '../mover/fakes/faults/sources.ts'
import { REFUSING_FAULTS, TARGET_FAULTS } from '../mover/fakes/faults/targets.ts'
import {
  blobBytes,
  createWorld,
  type FakeWorld,
  type FakeWorldOptions,
  imagePost,
  post,
  postPath,
} from '../mover/fakes/fakeWorld.ts'
import { memoryStore } from '../mover/fakes/memoryStore.ts'
import { refusal } from '../mover/fakes/network.ts'
import { createInvariants, type Invariants } from './invariants.ts'
import { createOwner } from './owner.ts'
import { rememberSignatures } from './rememberSignatures.ts'

rememberSignatures()

/** How one simulated move went. */
export interface Simulated {
  readonly seed: number
  readonly faults: readonly string[]
  /** `moved`: the account is at the target as a whole, and the source is deactivated. */
  readonly end: 'moved' | 'stopped'
  /** Why the last run stopped, or what is still to be done. */
  readonly reason: string
  readonly runs: number
  readonly kills: number
  /** What must never be. */
  readonly violations: readonly string[]
}

/** After so many runs nothing goes wrong any more but what the faults do. */
const CALM_AFTER = 6
const MAX_RUNS = 10
const SHORT_WAIT_MS = 30_000

/** The mover's process was killed. */
class Killed extends Error {}

const ALL: readonly Fault[] = [
  ...SOURCE_FAULTS,
  ...TARGET_FAULTS,
  ...DIRECTORY_FAULTS,
  ...MOVE_FAULTS,
  ...RECORD_FAULTS,
  ...LOSING_FAULTS,
  ...HOSTILE_FAULTS,
  ...REFUSING_FAULTS,
]
/** Those that a person may not get around with this target or source. */
const STOPPING = new Set([...LOSING_FAULTS, ...HOSTILE_FAULTS, ...REFUSING_FAULTS].map(({ name }) => name))

/** With both, a target shows nothing before its activation: it is not believed, and the account stays where it is. */
const SHOWING_NOTHING = [
  'checkAccountStatus counts nothing',
  'an inactive account shows nothing to its owner',
]

const mayStop = (names: readonly string[]): boolean =>
  names.some((name) => STOPPING.has(name)) || SHOWING_NOTHING.every((name) => names.includes(name))

const pickFaults = (random: Random, seed: number): Fault[] => {
  // Each fault comes alone and first in some runs, and then any with any.
  const first = ALL[seed % ALL.length]
  const more = Array.from({ length: random.small(4) }, () => ALL[random.int(ALL.length)])
  const picked = [...(random.chance(0.8) ? [first] : []), ...more].filter((fault) => fault !== undefined)
  return [...new Set(picked)]
}

const optionsOf = (random: Random, faults: readonly Fault[], password: string): FakeWorldOptions =>
  faults.reduce<FakeWorldOptions>(
    (merged, { options }) => ({
      ...merged,
      ...options,
      source: { ...merged.source, ...options?.source },
      target: { ...merged.target, ...options?.target },
    }),
    { records: 8 + random.int(20), blobs: 2 + random.int(4), ownerKeys: random.int(3), password },
  )

/** What goes wrong in one run of the mover, besides the faults of the servers. */
interface Trouble {
  /** The request at which the process is killed, and whether that one still arrives; 0: it is not killed. */
  killAt: number
  arrives: boolean
  /** The line of the journal at which it is killed; 0: it is not. */
  killAtLine: number
  /** How many of a thousand requests fail by themselves. */
  noise: number
}

const CALM: Trouble = { killAt: 0, arrives: false, killAtLine: 0, noise: 0 }

const pickTrouble = (random: Random): Trouble => ({
  killAt: random.chance(0.4) ? 1 + random.int(90) : 0,
  arrives: random.chance(0.5),
  killAtLine: random.chance(0.2) ? 1 + random.int(30) : 0,
  noise: random.chance(0.4) ? random.int(60) : 0,
})

/** The network of one run: requests fail, and after its death none leaves any more. */
const createWire = (world: FakeWorld, trouble: Trouble, random: Random, after: () => void) => {
  let count = 0
  const life = { isOver: false }
  const fetch: Fetch = async (url, init) => {
    if (life.isOver) throw new Killed()
    count++
    const dies = count === trouble.killAt
    if (dies) life.isOver = true
    if (dies && !trouble.arrives) throw new Killed()
    const kind = random.int(1000) < trouble.noise ? random.int(4) : -1
    if (kind === 0) throw new TypeError('fetch failed: connection refused')
    if (kind === 1) return refusal(500, 'InternalServerError', 'Internal Server Error')
    if (kind === 2) return refusal(429, 'RateLimitExceeded', 'Rate Limit Exceeded', { 'retry-after': '5' })
    const answer = await world.network.fetch(url, init)
    after()
    if (dies) throw new Killed()
    if (kind === 3) throw new TypeError('fetch failed: socket hang up')
    return answer
  }
  return { fetch, life }
}

const dyingStore = (store: MoveStore, { killAtLine }: Trouble, life: { isOver: boolean }): MoveStore => {
  let lines = 0
  const assertAlive = () => {
    if (life.isOver) throw new Killed()
  }
  return {
    ...store,
    async appendLine(line) {
      if (++lines === killAtLine) life.isOver = true
      assertAlive()
      await store.appendLine(line)
    },
    async writeFile(name, body) {
      assertAlive()
      return await store.writeFile(name, body)
    },
    lock: async () => async () => {},
  }
}

type RunEnd = { report: MoveReport } | { error: unknown } | 'killed'

/** One run of the mover, as when a person gives the command. */
const run = async (
  world: FakeWorld,
  {
    store,
    trouble,
    random,
    mood,
    invariants,
    trace,
  }: {
    store: MoveStore
    trouble: Trouble
    random: Random
    mood: 'calm' | 'moody'
    invariants: Invariants
    trace: ((line: string) => void) | undefined
  },
): Promise<RunEnd> => {
  const events: MoveEvent[] = []
  const { fetch, life } = createWire(world, trouble, random, () => invariants.check())
  const deps: MoverDeps = {
    fetch,
    now: () => world.network.now(),
    random: (length) => random.bytes(length),
    signal: new AbortController().signal,
    async wait(ms, signal) {
      if (life.isOver) throw new Killed()
      // A random part of a wait would make the run another one.
      await world.network.wait(ms <= SHORT_WAIT_MS ? SHORT_WAIT_MS : ms, signal)
    },
    directoryUrl: world.directory.origin,
    dev: false,
  }
  const owner = createOwner(world, { random, mood, invariants })
  const { origin } = world.source
  try {
    const report = await moveAccount({
      account: world.did,
      source: passwordSource({ origin, identifier: world.did, owner, deps }),
      target: standardTarget({ origin: world.target.origin, owner, deps }),
      owner,
      store: dyingStore(store, trouble, life),
      deps,
      on: (event) => {
        events.push(event)
        if (event.type !== 'progress' && event.type !== 'note') trace?.(JSON.stringify(event))
      },
    })
    invariants.checkSaid(report, events)
    return life.isOver ? 'killed' : { report }
  } catch (error) {
    invariants.checkSaid(error instanceof MoverError ? [error.message, error.next] : [], events)
    return life.isOver ? 'killed' : { error }
  }
}

/** The owner uses their account on the source in the meantime. */
const useAccount = async (
  world: FakeWorld,
  n: number,
  random: Random,
  invariants: Invariants,
  trace: ((line: string) => void) | undefined,
): Promise<void> => {
  const { source, account } = world
  if (!account.active) return
  const path = postPath(20_000 + n)
  trace?.(`the owner writes ${path}`)
  if (random.chance(0.3)) {
    const bytes = blobBytes(500 + n)
    source.putBlob(account, bytes)
    await source.write(account, { [path]: imagePost(bytes) })
  } else await source.write(account, { [path]: post(`in the meantime ${n}`) })
  invariants.wrote()
}

/** The owner uses the account on the target as soon as it is active there, while the move is not over yet. */
const useTarget = (
  world: FakeWorld,
  random: Random,
  invariants: Invariants,
  trace: ((line: string) => void) | undefined,
): void => {
  let [requests, writes] = [0, 0]
  const at = random.int(12)
  const deletes = random.chance(0.3)
  world.target.hooks.push({
    async after(_, answer) {
      const there = world.target.accounts.get(world.did)
      if (!there?.active || ++requests < at || writes >= 2) return answer
      const path = postPath(30_000 + writes++)
      trace?.(`the owner writes ${path} on the target`)
      const [old] = there.repo.records.keys()
      const gone = deletes && writes === 1 ? old : undefined
      if (gone !== undefined) invariants.agreedToLeave([`at://${world.did}/${gone}`])
      invariants.wroteThere(path)
      await world.target.write(there, {
        [path]: post('on the new server'),
        ...(gone !== undefined && { [gone]: undefined }),
      })
      invariants.deletedThere(gone)
      return answer
    },
  })
}

/** One account moves, with random faults, deaths and answers. The same seed gives the same run. */
export async function simulate(seed: number, trace?: (line: string) => void): Promise<Simulated> {
  const random = new Random('simulate', seed)
  const faults = pickFaults(random, seed)
  const password = `old-${seed}-canary`
  const world = await createWorld({ ...optionsOf(random, faults, password), startMs: 1_790_000_000_000 })
  for (const fault of faults) await fault.apply?.(world, (n) => random.int(n))
  const invariants = createInvariants(world, { secrets: [password] })
  if (random.chance(0.4)) {
    // Written between two requests of the mover, at any time.
    const at = new Set(Array.from({ length: 1 + random.int(3) }, () => 5 + random.int(110)))
    let requests = 0
    world.source.hooks.push({
      async after(_, answer) {
        if (at.has(++requests)) await useAccount(world, requests, random, invariants, trace)
        return answer
      },
    })
  }

  if (random.chance(0.25)) useTarget(world, random, invariants, trace)

  let store = memoryStore()
  let [runs, kills] = [0, 0]
  let reason = ''
  let end: Simulated['end'] = 'stopped'
  while (runs < MAX_RUNS) {
    runs++
    const calm = runs > CALM_AFTER
    // Another machine, without the journal.
    if (runs > 1 && random.chance(0.15)) {
      store = memoryStore()
      invariants.lostJournal()
    }
    trace?.(`run ${runs}, with ${store.lines.length} lines of the journal`)
    const ended = await run(world, {
      trace,
      store,
      trouble: calm ? CALM : pickTrouble(random),
      random,
      mood: calm ? 'calm' : 'moody',
      invariants,
    })
    invariants.check()
    invariants.checkJournal(store.lines)
    if (ended === 'killed') {
      trace?.('killed')
      kills++
      reason = 'killed'
      continue
    }
    if ('error' in ended) {
      const { error } = ended
      reason = error instanceof MoverError ? error.code : 'bug'
      trace?.(`stopped: ${reason}: ${String(error)}`)
      invariants.checkStop(error)
      if (calm && error instanceof MoverError && error.kind === 'failed' && runs === MAX_RUNS) break
      continue
    }
    const { report } = ended
    reason = report.ok ? 'done' : 'missing'
    invariants.checkReport(report)
    if (report.ok && report.sourceDeactivated) {
      end = 'moved'
      break
    }
  }
  invariants.checkEnd(end)
  const names = faults.map(({ name }) => name)
  if (end === 'stopped' && !mayStop(names))
    invariants.violate(`it did not end, though nothing stands in its way: ${reason}`)
  return { seed, faults: names, end, reason, runs, kills, violations: invariants.violations }
}
