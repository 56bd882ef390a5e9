/** beginRepoUpload and uploadRepoPart: a repository that comes in parts, from senders that break off, repeat and lie. */
import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { carOf, plant } from '../../../bench/data.ts'
import type { Client } from '../../../src/client/index.ts'
import { FAULT_POINTS, type FaultPoint, onFault } from '../../../src/fault.ts'
import { readCar } from '../../../src/repo/car/readCar.ts'
import { failure } from '../support/calls.ts'
import { changeDid, pdsAt } from '../support/did.ts'
import { KILLED } from '../support/faults.ts'
import { newKey } from '../support/keys.ts'
import { inWorld, TARGET, type World } from '../support/world.ts'

const MB = 1024 * 1024
const PART = Math.floor(1.3 * MB)
const HOUR = 3600_000
/** Some 3 MB: a repository of three parts. */
const RECORDS = 60
const tree = plant(
  Array.from({ length: RECORDS }, (_, n) => ({
    collection: 'com.example.note',
    rkey: `note${n}`,
    value: { $type: 'com.example.note', text: `${n} `.repeat(17_000) },
  })),
)

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

interface Stage {
  world: World
  owner: Client
  bytes: Buffer
  sha256: string
  /** Of the commit. */
  root: string
  begin(client?: Client, bytes?: Buffer): Promise<Record<string, unknown>>
  /** Sends the bytes from `offset` to `end`. */
  put(offset: number, end?: number, client?: Client): Promise<Record<string, unknown>>
  /** Sends everything that is not here yet. */
  send(client?: Client): Promise<void>
  /** The alarm rings until there is nothing left that it can do; waits are over at once. */
  ring(): Promise<void>
  pulled(): Promise<Record<string, unknown> | undefined>
  parts(): number
}

afterEach(() => {
  onFault(undefined)
  vi.restoreAllMocks()
})

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

const stageOf = async (world: World, bytes: Buffer, owner: Client): Promise<Stage> => {
  const { roots } = await readCar(once(bytes))
  const sha256 = hashOf(bytes)
  const ringTimers = (): void => {
    for (const timer of world.timers) {
      // The alarm's own wait.
      if (timer.ms === 20_000) continue
      world.timers.delete(timer)
      timer.ring()
    }
  }
  const stage: Stage = {
    world,
    owner,
    bytes,
    sha256,
    root: String(roots[0]),
    begin: async (client = world.admin, car = bytes) =>
      (await client.com.cirrus.admin.beginRepoUpload({ sha256: hashOf(car), size: car.length }))
        .pull as never,
    put: async (offset, end = offset + PART, client = world.admin) =>
      (
        await client.com.cirrus.admin.uploadRepoPart(new Uint8Array(bytes.subarray(offset, end)), {
          params: { sha256, offset },
        })
      ).pull as never,
    send: async (client = world.admin) => {
      let { received } = await stage.begin(client)
      while (Number(received) < bytes.length)
        ({ received } = await stage.put(Number(received), undefined, client))
    },
    pulled: async () => (await world.admin.com.cirrus.admin.getPull()).pull as never,
    ring: async () => {
      do {
        const ringing = world.account.maintenance.run()
        while (await isPending(ringing)) ringTimers()
        await ringing
      } while (world.account.pulls.isDue)
    },
    parts: () => world.account.sql.first<{ n: number }>('SELECT count(*) AS n FROM pull_part')?.n ?? -1,
  }
  return stage
}

/** An account with an empty repository that is deactivated, and a backup of it that has another. */
const onStage = (work: (stage: Stage) => Promise<void>, key?: string): Promise<void> =>
  inWorld({}, async (world) => {
    const owner = await world.signIn()
    await world.admin.com.atproto.server.deactivateAccount({})
    const bytes = await carOf(tree, world.did, key ?? world.key.hex.reveal())
    world.clock.now = Date.now()
    await work(await stageOf(world, bytes, owner))
    expect((await world.account.check()).problems).toEqual([])
  })

const records = ({ world }: Stage): number => world.account.counts().records

const expectRestored = async (stage: Stage): Promise<void> => {
  const { root, world, bytes, sha256 } = stage
  expect(await stage.pulled()).toMatchObject({
    source: `sha256:${sha256}`,
    phase: 'done',
    received: bytes.length,
    size: bytes.length,
    commit: root,
    records: RECORDS,
  })
  expect(records(stage)).toBe(RECORDS)
  expect((await world.head()).cid).toBe(root)
  expect(stage.parts()).toBe(0)
  const [entry] = world.account.journal.page({ limit: 1 }).entries
  expect(entry).toMatchObject({ event: 'import', detail: { commit: root, from: `sha256:${sha256}` } })
}

const expectFailed = async (stage: Stage, failed: Record<string, unknown>): Promise<void> => {
  expect(await stage.pulled()).toMatchObject({ phase: 'failed', ...failed })
  expect(records(stage)).toBe(0)
  expect(stage.parts()).toBe(0)
  expect(stage.world.journal()).not.toContain('import')
}

const moveAway = async (world: World): Promise<void> => {
  await changeDid(world, world.key, { services: pdsAt(TARGET) })
  await world.account.identityWatch.observe()
}

describe('a repository that is uploaded in parts', () => {
  it.each(['admin', 'owner'] as const)('is verified and put in place for the %s', (who) =>
    onStage(async (stage) => {
      const client = who === 'admin' ? stage.world.admin : stage.owner
      expect(await stage.begin(client)).toMatchObject({
        source: `sha256:${stage.sha256}`,
        phase: 'receiving',
        received: 0,
        size: stage.bytes.length,
        resumable: true,
      })
      await stage.send(client)
      expect((await client.com.cirrus.admin.getPull()).pull).toMatchObject({ phase: 'verifying' })
      expect(records(stage)).toBe(0)
      await stage.ring()
      await expectRestored(stage)
      await stage.world.admin.com.atproto.server.activateAccount()
    }),
  )

  it('keeps what came of a part that broke off, and ignores what it has already', () =>
    onStage(async (stage) => {
      const { world, sha256, bytes } = stage
      await stage.begin()
      const cut = world.admin.com.cirrus.admin.uploadRepoPart(broken(bytes.subarray(0, PART)), {
        params: { sha256, offset: 0 },
      })
      await expect(cut).rejects.toThrow()
      expect(await stage.begin()).toMatchObject({ phase: 'receiving', received: MB })
      // The whole part again, then one from the middle of what is here.
      expect(await stage.put(0)).toMatchObject({ received: PART })
      expect(await stage.put(0, 100)).toMatchObject({ received: PART })
      expect(await stage.put(PART - 1000, PART + MB)).toMatchObject({ received: PART + MB })
      expect(await stage.put(PART + MB, bytes.length)).toMatchObject({ phase: 'verifying' })
      // The answer to the last part was lost: it may be repeated before and after the import.
      expect(await stage.put(PART + MB, bytes.length)).toMatchObject({ received: bytes.length })
      await stage.ring()
      expect(await stage.put(PART + MB, bytes.length)).toMatchObject({ phase: 'done' })
      await expectRestored(stage)
    }))

  it('stays whole where two send it at once', () =>
    onStage(async (stage) => {
      await Promise.all([stage.send(), stage.send(stage.owner), stage.send()])
      await stage.ring()
      await expectRestored(stage)
    }))

  it('may have parts of a few bytes', () =>
    onStage(async (stage) => {
      await stage.begin()
      for (let n = 0; n < 20; n++) await stage.put(n * 7, (n + 1) * 7)
      await stage.send()
      await stage.ring()
      await expectRestored(stage)
    }))

  it('refuses a part behind what was received, and one that ends behind the CAR', () =>
    onStage(async (stage) => {
      const { bytes, sha256, world } = stage
      await stage.begin()
      await stage.put(0)
      const refused = await failure(stage.put(PART + 1))
      expect(refused).toMatchObject({ status: 400, error: 'PartMissing' })
      expect(refused.message).toContain(`${PART} bytes`)
      const long = world.admin.com.cirrus.admin.uploadRepoPart(new Uint8Array(bytes.length), {
        params: { sha256, offset: PART },
      })
      expect(await failure(long)).toMatchObject({ status: 400, error: 'InvalidRequest' })
      await stage.send()
      await stage.ring()
      expect(await stage.pulled()).toMatchObject({ phase: 'failed' })
    }))

  it('refuses parts of what was not begun, was cancelled, or has failed', () =>
    onStage(async (stage) => {
      const { admin } = stage.world
      const notFound = { status: 400, error: 'UploadNotFound' }
      expect(await failure(stage.put(0))).toMatchObject(notFound)
      await stage.begin()
      await stage.put(0)
      await admin.com.cirrus.admin.cancelPull()
      expect(await stage.pulled()).toBeUndefined()
      expect(await failure(stage.put(PART))).toMatchObject(notFound)
      await stage.ring()
      expect(stage.parts()).toBe(0)
      await stage.begin()
      const page = new TextEncoder().encode(`<!doctype html>${' '.repeat(MB)}`)
      const refused = await failure(
        admin.com.cirrus.admin.uploadRepoPart(page, { params: { sha256: stage.sha256, offset: 0 } }),
      )
      expect(refused).toMatchObject({ status: 400, error: 'InvalidRequest' })
      expect(refused.message).toContain('BadHeader')
      await expectFailed(stage, { error: 'BadHeader' })
      const failed = await failure(stage.put(0))
      expect(failed).toMatchObject(notFound)
      expect(failed.message).toContain('not a repository')
      // Begun again, it begins with the first byte.
      await stage.send()
      await stage.ring()
      await expectRestored(stage)
    }))

  it('refuses what is cancelled while a part comes in', () =>
    onStage(async (stage) => {
      const { admin } = stage.world
      await stage.begin()
      let sent = 0
      const body = new ReadableStream<Uint8Array>({
        pull: async (controller) => {
          controller.enqueue(stage.bytes.slice(sent, (sent += 100_000)))
          if (sent > 1.5 * MB && sent < 1.7 * MB) await admin.com.cirrus.admin.cancelPull()
          if (sent > 2.5 * MB) controller.close()
        },
      })
      const refused = await failure(
        admin.com.cirrus.admin.uploadRepoPart(body, { params: { sha256: stage.sha256, offset: 0 } }),
      )
      expect(refused).toMatchObject({ error: 'UploadNotFound' })
      await stage.ring()
      expect(stage.parts()).toBe(0)
      expect(await stage.pulled()).toBeUndefined()
    }))

  it('refuses the repository of another account with its first part', () =>
    onStage(async (stage) => {
      const other = await carOf(tree, 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa', stage.world.key.hex.reveal())
      const wrong = await stageOf(stage.world, other, stage.owner)
      await wrong.begin()
      const refused = await failure(wrong.put(0))
      expect(refused).toMatchObject({ status: 400, error: 'InvalidRequest' })
      expect(refused.message).toContain('did:plc:aaaaaaaaaaaaaaaaaaaaaaaa')
      await expectFailed(stage, { error: 'WrongDid' })
    }))

  it('refuses a repository that another key has signed, and one with a block that is missing', async () => {
    await onStage(
      async (stage) => {
        await stage.send()
        await stage.ring()
        await expectFailed(stage, {
          error: 'InvalidRequest',
          message: expect.stringContaining('BadSignature'),
        })
      },
      (await newKey()).hex.reveal(),
    )
    await onStage(async (stage) => {
      // The last block is left out: the CAR ends well, and the tree does not verify.
      const car = await readCar(once(stage.bytes))
      let last = 0
      for await (const run of car.runs()) last = run.length
      const cut = stage.bytes.subarray(0, stage.bytes.length - last)
      const lacking = await stageOf(stage.world, Buffer.from(cut), stage.owner)
      await lacking.send()
      await lacking.ring()
      await expectFailed(lacking, { error: 'InvalidRequest' })
      await stage.send()
      await stage.ring()
      await expectRestored(stage)
    })
  })

  it.each([
    ['upper case', 'A'.repeat(64)],
    ['what is not hex', 'x'.repeat(64)],
  ])('refuses %s as the hash', (_, sha256) =>
    onStage(async ({ world, bytes }) => {
      const { beginRepoUpload, uploadRepoPart } = world.admin.com.cirrus.admin
      for (const call of [
        beginRepoUpload({ sha256, size: bytes.length }),
        uploadRepoPart(new Uint8Array(1), { params: { sha256, offset: 0 } }),
      ]) {
        const refused = await failure(call)
        expect(refused).toMatchObject({ status: 400, error: 'InvalidRequest' })
        expect(refused.message).toContain('sha256')
      }
      expect(world.account.pulls.latest).toBeUndefined()
    }),
  )

  it('refuses by its size what will not fit', () =>
    onStage(async ({ world, sha256 }) => {
      const { beginRepoUpload } = world.admin.com.cirrus.admin
      const refused = await failure(beginRepoUpload({ sha256, size: 6e9 }))
      expect(refused).toMatchObject({ status: 413, error: 'PayloadTooLarge' })
      expect(refused.message).toContain('10 GB')
      expect(world.account.pulls.latest).toBeUndefined()
    }))

  it('and a pull refuse each other, and another upload', () =>
    onStage(async (stage) => {
      const { admin } = stage.world
      const source = 'https://old.example.com'
      const inProgress = { status: 400, error: 'PullInProgress' }
      await admin.com.cirrus.admin.pullRepo({ source })
      const refused = await failure(stage.begin())
      expect(refused).toMatchObject(inProgress)
      expect(refused.message).toContain(source)
      await admin.com.cirrus.admin.cancelPull()
      await stage.begin()
      await stage.put(0)
      const pull = await failure(admin.com.cirrus.admin.pullRepo({ source }))
      expect(pull).toMatchObject(inProgress)
      expect(pull.message).toContain(stage.sha256)
      const other = admin.com.cirrus.admin.beginRepoUpload({ sha256: '0'.repeat(64), size: 5 })
      expect(await failure(other)).toMatchObject(inProgress)
      expect(await stage.pulled()).toMatchObject({ received: PART })
    }))

  it('waits for an import that is running', () =>
    onStage(async (stage) => {
      const { owner, bytes } = stage
      const [first, rest] = [bytes.subarray(0, MB), bytes.subarray(MB)]
      let finish = (): void => {}
      const silence = new Promise<void>((resolve) => (finish = resolve))
      let step = 0
      const body = new ReadableStream<Uint8Array>({
        pull: async (controller) => {
          if (step++ === 0) return controller.enqueue(new Uint8Array(first))
          await silence
          controller.enqueue(new Uint8Array(rest))
          controller.close()
        },
      })
      const hasRun = (): boolean => stage.world.account.imports.progress !== undefined
      const other = await stageOf(stage.world, Buffer.from(bytes.subarray(0, -1)), owner)
      await stage.send()
      const importing = owner.com.atproto.repo.importRepo({ encoding: 'application/vnd.ipld.car', body })
      await expect.poll(hasRun).toBe(true)
      void stage.world.account.maintenance.run()
      await expect
        .poll(() => stage.world.account.pulls.latest)
        .toMatchObject({ phase: 'waiting', detail: { error: 'ImportInProgress' } })
      await stage.world.admin.com.cirrus.admin.cancelPull()
      expect(await failure(other.begin())).toMatchObject({ status: 400, error: 'ImportInProgress' })
      finish()
      await importing
      expect(records(stage)).toBe(RECORDS)
      await other.begin()
    }))

  it('is refused over what the retention lock keeps, before and while it comes', () =>
    onStage(async (stage) => {
      const { admin } = stage.world
      const locked = { status: 400, error: 'RetentionLocked' }
      await stage.begin()
      await stage.put(0)
      await moveAway(stage.world)
      expect(await failure(stage.begin())).toMatchObject(locked)
      expect(await failure(stage.put(PART))).toMatchObject(locked)
      await admin.com.cirrus.admin.releaseRetention({ confirmHandle: 'alice.example.com' })
      await stage.send()
      await stage.ring()
      await expectRestored(stage)
    }))

  it('is not imported where the lock closes after the last part', () =>
    onStage(async (stage) => {
      await stage.send()
      await moveAway(stage.world)
      await stage.ring()
      await expectFailed(stage, { error: 'RetentionLocked' })
    }))

  it('is not imported into an account that is active again', () =>
    onStage(async (stage) => {
      await stage.send()
      await stage.world.admin.com.atproto.server.activateAccount()
      await stage.ring()
      await expectFailed(stage, { error: 'Forbidden' })
      const refused = await failure(stage.put(0))
      expect(refused).toMatchObject({ status: 400, error: 'InvalidRequest' })
      expect(refused.message).toContain('active')
    }))

  it('is given up where the account is active again before all of it has come', () =>
    onStage(async (stage) => {
      await stage.begin()
      let sent = 0
      const body = new ReadableStream<Uint8Array>({
        pull: async (controller) => {
          controller.enqueue(stage.bytes.slice(sent, (sent += 100_000)))
          if (sent === 1_500_000) await stage.world.admin.com.atproto.server.activateAccount()
          if (sent > 2.5 * MB) controller.close()
        },
      })
      const part = stage.world.admin.com.cirrus.admin.uploadRepoPart(body, {
        params: { sha256: stage.sha256, offset: 0 },
      })
      expect((await failure(part)).message).toContain('active')
      expect(stage.parts()).toBe(1)
      await stage.ring()
      await expectFailed(stage, { error: 'Forbidden' })
    }))

  it('is deleted when nothing came for a day', () =>
    onStage(async (stage) => {
      const { clock } = stage.world
      await stage.begin()
      clock.now += 20 * HOUR
      await stage.put(0)
      clock.now += 23 * HOUR
      await stage.ring()
      expect(await stage.pulled()).toMatchObject({ phase: 'receiving', received: PART })
      clock.now += 2 * HOUR
      await stage.ring()
      await expectFailed(stage, { error: 'RequestTimeout' })
      await stage.send()
      await stage.ring()
      await expectRestored(stage)
    }))

  it('keeps all of it where the directory cannot be reached, and goes on when it is begun again', () =>
    onStage(async (stage) => {
      const { world } = stage
      await stage.send()
      world.directory.mode = 'down'
      await stage.ring()
      expect(await stage.pulled()).toMatchObject({ phase: 'failed', resumable: true })
      expect(stage.parts()).toBeGreaterThan(0)
      world.directory.mode = 'up'
      expect(await stage.begin()).toMatchObject({ phase: 'verifying', received: stage.bytes.length })
      await stage.ring()
      await expectRestored(stage)
    }))
})

/** What a dead object would do afterwards, it does not do. */
const stop = ({ sql }: World['account']): void => {
  const dead = (): never => {
    throw KILLED
  }
  Object.assign(sql, { all: dead, first: dead, run: dead, transaction: dead })
}

describe('an object that dies while a repository is uploaded', () => {
  // It logs that it died.
  beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => {}))

  const points = FAULT_POINTS.filter((name) => /^(pull|import)\./.test(name) && name !== 'pull.afterAnswer')
  const hit = new Set<FaultPoint>()

  it.each(points.flatMap((point) => [1, 2].map((time) => [point, time] as const)))(
    'at %s, time %i, goes on with what it has',
    (point, time) =>
      onStage(async (stage) => {
        const { world } = stage
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
        await stage.send().catch(() => {})
        const ringing = died ? undefined : stage.ring().catch(() => {})
        await expect
          .poll(() => died || world.account.pulls.latest?.phase === 'done', { timeout: 20_000 })
          .toBe(true)
        if (died) await world.restart()
        await ringing
        if ((await stage.pulled())?.['phase'] !== 'done') await stage.send()
        await stage.ring()
        await expectRestored(stage)
      }),
  )

  it('died at every point', () => {
    expect([...hit].toSorted()).toEqual(points.toSorted())
  })
})
