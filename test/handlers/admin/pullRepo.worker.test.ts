/** A repository that the object fetches by itself, from sources that lie, stall, break off and change their mind. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { carOf, plant } from '../../../bench/data.ts'
import { FAULT_POINTS, type FaultPoint, onFault } from '../../../src/fault.ts'
import { readCar } from '../../../src/repo/car/readCar.ts'
import { failure } from '../support/calls.ts'
import { KILLED } from '../support/faults.ts'
import { newKey } from '../support/keys.ts'
import { inWorld, ORIGIN, type World } from '../support/world.ts'

const SOURCE = 'https://old.example.com'
const TOKEN = 'token-canary-8c1e'
const MB = 1024 * 1024
/** Some 3 MB: a repository of three parts. */
const RECORDS = 60
const tree = (count = RECORDS) =>
  plant(
    Array.from({ length: count }, (_, n) => ({
      collection: 'com.example.note',
      rkey: `note${n}`,
      value: { $type: 'com.example.note', text: `${n} `.repeat(17_000) },
    })),
  )

interface Asked {
  method: string
  offset: number
  authorization: string | null
}

type Answer = (asked: Asked) => Response | Promise<Response>

interface Stage {
  world: World
  bytes: Buffer
  /** Of the commit. */
  root: string
  asked: Asked[]
  /** What the source answers, one after the other; the last one stays. */
  answers: Answer[]
  pull(token?: string): Promise<void>
  /** The alarm rings until there is nothing left that it can do; waits are over at once. */
  ring(): Promise<void>
  ringTimers(): void
  pulled(): Promise<Record<string, unknown> | undefined>
  parts(): number
}

afterEach(() => {
  onFault(undefined)
  vi.restoreAllMocks()
})

const refuse =
  (status: number, error: string, headers: Record<string, string> = {}) =>
  () =>
    Response.json({ error, message: `about ${TOKEN}` }, { status, headers })

const sent = (body: BodyInit, headers: Record<string, string> = {}) =>
  new Response(body, { headers: { 'content-type': 'application/vnd.ipld.car', ...headers } })

/** Whether this work has not ended after a moment. */
const isPending = (work: Promise<unknown>): Promise<boolean> =>
  Promise.race([
    work.then(
      () => false,
      () => false,
    ),
    new Promise<boolean>((resolve) => setTimeout(resolve, 1, true)),
  ])

async function* once(bytes: Uint8Array) {
  yield bytes
}

/** These bytes, and then the connection breaks. */
const broken = (bytes: Uint8Array): ReadableStream<Uint8Array> => {
  let at = 0
  return new ReadableStream({
    pull: (controller) => {
      if (at >= bytes.length) controller.error(new Error('connection lost'))
      else controller.enqueue(bytes.slice(at, (at += 100_000)))
    },
  })
}

/** These bytes, and then nothing. */
const silent = (bytes: Uint8Array): ReadableStream<Uint8Array> => {
  let isSent = false
  return new ReadableStream({
    pull: (controller) => {
      if (isSent) return new Promise(() => {})
      isSent = true
      controller.enqueue(bytes.slice())
      return undefined
    },
  })
}

/** A Cirrus: it resumes. */
const cirrus =
  ({ bytes, root }: Stage, cut = (rest: Buffer): BodyInit => new Uint8Array(rest)): Answer =>
  ({ offset }) =>
    sent(cut(bytes.subarray(offset)), { etag: `"${root}"` })

/** Another server: it has a length, and cannot resume. */
const standard =
  ({ bytes }: Stage): Answer =>
  ({ method }) =>
    method === 'getRepo'
      ? sent(new Uint8Array(bytes), { 'content-length': String(bytes.length) })
      : refuse(501, 'MethodNotImplemented')()

/** An account with an empty repository that is deactivated, and a source that has another for it. */
const onStage = (work: (stage: Stage) => Promise<void>, key?: string): Promise<void> =>
  inWorld({}, async (world) => {
    const { did } = world
    await world.admin.com.atproto.server.deactivateAccount({})
    const bytes = await carOf(tree(), did, key ?? world.key.hex.reveal())
    const { roots } = await readCar(once(bytes))
    world.clock.now = Date.now()
    const asked: Asked[] = []
    const answers: Answer[] = []
    world.hosts.set('old.example.com', async ({ pathname, searchParams }, init) => {
      expect(searchParams.get('did')).toBe(did)
      const entry = {
        method: pathname.split('.').at(-1) ?? '',
        offset: Number(searchParams.get('offset')),
        authorization: new Headers(init?.headers).get('authorization'),
      }
      asked.push(entry)
      const answer = answers.length > 1 ? answers.shift() : answers[0]
      if (!answer) throw new Error('the source has no answer')
      return await answer(entry)
    })
    const ringTimers = (): void => {
      for (const timer of world.timers) {
        // The alarm's own wait, and those for the first byte and the next.
        if (timer.ms === 20_000 || timer.ms === 60_000 || timer.ms === 30_000) continue
        world.timers.delete(timer)
        timer.ring()
      }
    }
    await work({
      world,
      bytes,
      root: String(roots[0]),
      asked,
      answers,
      ringTimers,
      pulled: async () => (await world.admin.com.cirrus.admin.getPull()).pull as never,
      pull: async (token) =>
        void (await world.admin.com.cirrus.admin.pullRepo({ source: SOURCE, ...(token && { token }) })),
      ring: async () => {
        do {
          const ringing = world.account.maintenance.run()
          while (await isPending(ringing)) ringTimers()
          await ringing
        } while (world.account.pulls.isDue)
      },
      parts: () => world.account.sql.first<{ n: number }>('SELECT count(*) AS n FROM pull_part')?.n ?? -1,
    })
    expect((await world.account.check()).problems).toEqual([])
  })

const records = ({ world }: Stage): number => world.account.counts().records

const expectPulled = async (stage: Stage): Promise<void> => {
  const { root, world, bytes } = stage
  expect(await stage.pulled()).toMatchObject({
    source: SOURCE,
    phase: 'done',
    received: bytes.length,
    commit: root,
    records: RECORDS,
  })
  expect(records(stage)).toBe(RECORDS)
  expect((await world.head()).cid).toBe(root)
  expect(stage.parts()).toBe(0)
  const [entry] = world.account.journal.page({ limit: 1 }).entries
  expect(entry).toMatchObject({ event: 'import', detail: { commit: root, from: SOURCE } })
}

const expectFailed = async (stage: Stage, failed: Record<string, unknown>): Promise<void> => {
  expect(await stage.pulled()).toMatchObject({ phase: 'failed', ...failed })
  expect(records(stage)).toBe(0)
  expect(stage.world.journal()).not.toContain('import')
}

describe('pullRepo', () => {
  it('fetches the repository from any server, verifies it and puts it in place', () =>
    onStage(async (stage) => {
      stage.answers.push(standard(stage))
      const { pull } = await stage.world.admin.com.cirrus.admin.pullRepo({ source: `${SOURCE}/` })
      expect(pull).toMatchObject({ source: SOURCE, phase: 'receiving', received: 0, resumable: false })
      await stage.ring()
      await expectPulled(stage)
      expect(stage.asked).toEqual([{ method: 'getRepo', offset: 0, authorization: null }])
      await stage.world.admin.com.atproto.server.activateAccount()
    }))

  it('resumes at a Cirrus by the byte, with the token', () =>
    onStage(async (stage) => {
      stage.answers.push(
        cirrus(stage, (rest) => broken(rest.subarray(0, 1.3 * MB))),
        cirrus(stage),
      )
      await stage.pull(TOKEN)
      await stage.ring()
      await expectPulled(stage)
      expect(stage.asked).toEqual([
        { method: 'getRepo', offset: 0, authorization: `Bearer ${TOKEN}` },
        { method: 'resumeRepo', offset: Math.floor(1.3 * MB), authorization: `Bearer ${TOKEN}` },
      ])
    }))

  it('begins again at another server, a few times and no more', () =>
    onStage(async (stage) => {
      const breaking: Answer = () => sent(broken(stage.bytes.subarray(0, 1.3 * MB)))
      stage.answers.push(breaking, breaking, standard(stage))
      await stage.pull()
      await stage.ring()
      await expectPulled(stage)
      expect(stage.asked.map(({ method }) => method)).toEqual(['getRepo', 'getRepo', 'getRepo'])
      stage.answers.splice(0, 1, breaking)
      await stage.pull()
      await stage.ring()
      expect(stage.asked).toHaveLength(9)
      expect(await stage.pulled()).toMatchObject({
        phase: 'failed',
        error: 'UpstreamFailure',
        message: expect.stringContaining('broke off after 1363148 bytes'),
      })
      expect(stage.parts()).toBe(0)
      expect(records(stage)).toBe(RECORDS)
    }))

  it.each([
    ['more', 1],
    ['less', -1000],
  ])('is not deceived by a length that says %s', (_, difference) =>
    onStage(async (stage) => {
      const length = String(stage.bytes.length + difference)
      stage.answers.push(() => sent(new Uint8Array(stage.bytes), { 'content-length': length }))
      await stage.pull()
      await stage.ring()
      await expectFailed(stage, { error: 'UpstreamFailure' })
      expect(stage.asked).toHaveLength(6)
    }),
  )

  it('refuses by its length what will not fit, before anything is fetched', () =>
    onStage(async (stage) => {
      stage.answers.push(() => sent(silent(stage.bytes), { 'content-length': '6000000000' }))
      await stage.pull()
      await stage.ring()
      await expectFailed(stage, { error: 'PayloadTooLarge', message: expect.stringContaining('10 GB') })
      expect(stage.asked).toHaveLength(1)
    }))

  it('gives up a source that goes silent, and asks it again', () =>
    onStage(async (stage) => {
      stage.answers.push(() => sent(silent(stage.bytes.subarray(0, 1.5 * MB))), standard(stage))
      await stage.pull()
      const ringing = stage.ring()
      await expect.poll(() => [...stage.world.timers].some(({ ms }) => ms === 30_000)).toBe(true)
      await expect.poll(async () => (await stage.pulled())?.['received']).toBe(MB)
      stage.world.clock.now += 30_000
      for (const timer of stage.world.timers) if (timer.ms === 30_000) timer.ring()
      await ringing
      await expectPulled(stage)
    }))

  it('gives up a source that sends a byte now and then', () =>
    onStage(async (stage) => {
      let first = true
      const trickle = new ReadableStream<Uint8Array>(
        {
          pull: (controller) => {
            controller.enqueue(first ? stage.bytes.slice(0, 1000) : new Uint8Array(1))
            first = false
            stage.world.clock.now += 20_000
          },
        },
        { highWaterMark: 0 },
      )
      stage.answers.push(() => sent(trickle), standard(stage))
      await stage.pull()
      await stage.ring()
      await expectPulled(stage)
    }))

  it('begins again where another commit is resumed than the one that was begun', () =>
    onStage(async (stage) => {
      const other = await carOf(tree(RECORDS - 7), stage.world.did, stage.world.key.hex.reveal())
      stage.answers.push(
        cirrus(stage, (rest) => broken(rest.subarray(0, 1.3 * MB))),
        // It does not say so.
        ({ offset }) => sent(new Uint8Array(other.subarray(offset))),
        cirrus(stage, (rest) => broken(rest.subarray(0, 1.3 * MB))),
        cirrus(stage),
      )
      await stage.pull(TOKEN)
      await stage.ring()
      await expectPulled(stage)
      expect(stage.asked.map(({ method }) => method)).toEqual([
        'getRepo',
        'resumeRepo',
        'getRepo',
        // It is not believed a second time.
        'getRepo',
      ])
    }))

  it('begins again at once where the source says that it is another commit, or keeps that one no longer', () =>
    onStage(async (stage) => {
      const cut = cirrus(stage, (rest) => broken(rest.subarray(0, 1.3 * MB)))
      stage.answers.push(
        cut,
        () => sent('x', { etag: `"${'bafyrei'.padEnd(59, 'a')}"` }),
        cut,
        refuse(400, 'SnapshotGone'),
        standard(stage),
      )
      await stage.pull(TOKEN)
      await stage.ring()
      await expectPulled(stage)
    }))

  it.each([
    [401, 'AuthenticationRequired'],
    [400, 'ExpiredToken'],
    [400, 'InvalidToken'],
    [401, 'what nobody has heard of'],
  ])('waits for another token after %i %s, and goes on where it was', (status, error) =>
    onStage(async (stage) => {
      stage.answers.push(
        cirrus(stage, (rest) => broken(rest.subarray(0, 1.3 * MB))),
        refuse(status, error),
        cirrus(stage),
      )
      await stage.pull(TOKEN)
      await stage.ring()
      const waiting = await stage.pulled()
      expect(waiting).toMatchObject({ phase: 'tokenNeeded', received: Math.floor(1.3 * MB) })
      expect(JSON.stringify(waiting)).not.toContain(TOKEN)
      await stage.ring()
      expect(stage.asked).toHaveLength(2)
      await stage.pull('another')
      await stage.ring()
      await expectPulled(stage)
      expect(stage.asked.at(-1)).toMatchObject({ method: 'resumeRepo', authorization: 'Bearer another' })
    }),
  )

  it('asks for a token where the repository is not public, and keeps no token anywhere', () =>
    onStage(async (stage) => {
      stage.answers.push(
        refuse(400, 'RepoDeactivated'),
        cirrus(stage, (rest) => broken(rest.subarray(0, MB))),
      )
      await stage.pull()
      await stage.ring()
      expect(await stage.pulled()).toMatchObject({ phase: 'tokenNeeded', error: 'RepoDeactivated' })
      await stage.pull(TOKEN)
      const tables = stage.world.account.sql.all<{ name: string }>(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*'",
      )
      const ringing = stage.ring()
      while (await isPending(ringing)) {
        const stored = tables.map(({ name }) =>
          name === 'pull_part' ? '' : JSON.stringify(stage.world.account.sql.all(`SELECT * FROM ${name}`)),
        )
        expect(stored.join()).not.toContain('canary-8c1e')
      }
      await ringing
    }))

  it('needs another token in an object that has started again', () =>
    onStage(async (stage) => {
      stage.answers.push(
        cirrus(stage, (rest) => broken(rest.subarray(0, 1.3 * MB))),
        () => new Promise(() => {}),
      )
      await stage.pull(TOKEN)
      void stage.world.account.maintenance.run().catch(() => {})
      await expect.poll(() => stage.world.account.pulls.latest?.phase).toBe('waiting')
      stage.ringTimers()
      await expect.poll(() => stage.asked.length).toBe(2)
      stop(stage.world.account)
      await stage.world.restart()
      expect(await stage.pulled()).toMatchObject({ phase: 'tokenNeeded', received: Math.floor(1.3 * MB) })
      stage.answers.splice(0, 9, cirrus(stage))
      await stage.pull('another')
      await stage.ring()
      await expectPulled(stage)
      expect(stage.asked.at(-1)).toMatchObject({ method: 'resumeRepo', authorization: 'Bearer another' })
    }))

  it.each([
    ['another account', 'WrongDid', (_: Stage, other: Buffer) => other],
    ['a page', 'BadHeader', () => Buffer.from(`<!doctype html>${' '.repeat(3 * MB)}`)],
  ])('refuses what is %s with the first part', (_, error, bodyOf) =>
    onStage(async (stage) => {
      const did = 'did:plc:abcdefghijklmnopqrstuvwx'
      const other = await carOf(tree(), did, stage.world.key.hex.reveal())
      let pieces = 0
      const body = bodyOf(stage, other)
      stage.answers.push(() =>
        sent(
          new ReadableStream({
            pull: (controller) => {
              controller.enqueue(body.slice(pieces * 65_536, ++pieces * 65_536))
              if (pieces * 65_536 >= body.length) controller.close()
            },
          }),
        ),
      )
      await stage.pull()
      await stage.ring()
      await expectFailed(stage, { error })
      expect(pieces).toBeLessThan(30)
      expect(stage.asked).toHaveLength(1)
      expect(stage.parts()).toBe(0)
    }),
  )

  it('refuses a repository that another key has signed, and one with a block that is missing', async () => {
    const other = await newKey()
    await onStage(async (stage) => {
      stage.answers.push(standard(stage))
      await stage.pull()
      await stage.ring()
      await expectFailed(stage, { error: 'InvalidRequest', message: expect.stringContaining('BadSignature') })
    }, other.hex.reveal())
    await onStage(async (stage) => {
      stage.answers.push(() => sent(new Uint8Array(stage.bytes.subarray(0, -2000))))
      await stage.pull()
      await stage.ring()
      await expectFailed(stage, { error: 'InvalidRequest' })
      expect(stage.asked).toHaveLength(1)
    })
  })

  it('does not follow a redirect', () =>
    onStage(async (stage) => {
      stage.world.hosts.set('elsewhere.example.com', () => {
        throw new Error('it was followed')
      })
      stage.answers.push(
        () => new Response(null, { status: 302, headers: { location: 'https://elsewhere.example.com' } }),
      )
      await stage.pull(TOKEN)
      await stage.ring()
      await expectFailed(stage, { message: expect.stringContaining('redirects are not followed') })
    }))

  it('tries again where the source is busy, as late as it wants', () =>
    onStage(async (stage) => {
      stage.answers.push(refuse(429, 'RateLimitExceeded', { 'retry-after': '77' }), standard(stage))
      await stage.pull()
      const waits = new Set<number>()
      const { add } = stage.world.timers
      stage.world.timers.add = (timer) => {
        waits.add(timer.ms)
        return add.call(stage.world.timers, timer)
      }
      await stage.ring()
      expect([...waits]).toContain(77_000)
      await expectPulled(stage)
    }))

  it('imports nothing into an account that is active again', () =>
    onStage(async (stage) => {
      stage.answers.push(async ({ offset }) => {
        await stage.world.admin.com.atproto.server.activateAccount()
        return await cirrus(stage)({ method: '', offset, authorization: null })
      })
      await stage.pull()
      await stage.ring()
      await expectFailed(stage, { error: 'Forbidden' })
      expect(stage.parts()).toBe(0)
      const refused = await failure(stage.pull())
      expect(refused).toMatchObject({ status: 400, error: 'InvalidRequest' })
      expect(refused.message).toContain('active')
    }))

  it('refuses another source meanwhile, until it is cancelled', () =>
    onStage(async (stage) => {
      stage.answers.push(() => sent(silent(stage.bytes.subarray(0, 1.5 * MB))))
      await stage.pull()
      const ringing = stage.ring()
      await expect.poll(() => stage.parts()).toBe(1)
      const { admin } = stage.world
      const other = admin.com.cirrus.admin.pullRepo({ source: 'https://other.example.com' })
      const refused = await failure(other)
      expect(refused).toMatchObject({ status: 400, error: 'PullInProgress' })
      expect(refused.message).toContain(SOURCE)
      await admin.com.cirrus.admin.cancelPull()
      expect(await stage.pulled()).toBeUndefined()
      await ringing
      await stage.ring()
      expect(stage.parts()).toBe(0)
      expect(records(stage)).toBe(0)
      await admin.com.cirrus.admin.pullRepo({ source: 'https://other.example.com' })
      await admin.com.cirrus.admin.cancelPull()
    }))

  it.each([
    'http://old.example.com',
    'https://10.0.0.1',
    'https://nas.local',
    `${SOURCE}/path`,
    ORIGIN,
    'x:y',
  ])('refuses the source %s', (source) =>
    onStage(async ({ world }) => {
      const refused = await failure(world.admin.com.cirrus.admin.pullRepo({ source }))
      expect(refused).toMatchObject({ status: 400, error: 'InvalidRequest' })
      expect(refused.message).toContain('source')
      expect(world.account.pulls.latest).toBeUndefined()
    }),
  )

  it('fetches again what it has fetched, and keeps it if it is the same', () =>
    onStage(async (stage) => {
      stage.answers.push(standard(stage))
      for (const times of [1, 2]) {
        await stage.pull()
        await stage.ring()
        await expectPulled(stage)
        expect(stage.asked).toHaveLength(times)
      }
    }))
})

/** What a dead object would do afterwards, it does not do. */
const stop = ({ sql }: World['account']): void => {
  const dead = (): never => {
    throw KILLED
  }
  Object.assign(sql, { all: dead, first: dead, run: dead, transaction: dead })
}

describe('an object that dies while it pulls', () => {
  // It logs that it died.
  beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => {}))

  const points = FAULT_POINTS.filter((name) => /^(pull|import)\./.test(name))
  const hit = new Set<FaultPoint>()

  it.each(points.flatMap((point) => [1, 2].map((time) => [point, time] as const)))(
    'at %s, time %i, goes on with what it has',
    (point, time) =>
      onStage(async (stage) => {
        const { world } = stage
        stage.answers.push(
          cirrus(stage, (rest) => broken(rest.subarray(0, 1.3 * MB))),
          cirrus(stage),
        )
        let left = time
        let died = false
        onFault((name) => {
          if (name === point && --left === 0) {
            hit.add(point)
            died = true
            stop(world.account)
            throw KILLED
          }
        })
        await stage.pull().catch(() => {})
        const ringing = died ? undefined : stage.ring().catch(() => {})
        await expect
          .poll(() => died || world.account.pulls.latest?.phase === 'done', { timeout: 20_000 })
          .toBe(true)
        if (died) await world.restart()
        await ringing
        if (world.account.pulls.latest === undefined) await stage.pull()
        await stage.ring()
        await expectPulled(stage)
      }),
  )

  it('died at every point', () => {
    expect([...hit].toSorted()).toEqual(points.toSorted())
  })
})
