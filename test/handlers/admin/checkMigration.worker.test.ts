/** What only the server knows of whether its account can leave. */
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import type { Check } from '../../../src/generated/types/com/cirrus/admin/checkMigration.ts'
import { put, upload } from '../support/blobs.ts'
import { failure } from '../support/calls.ts'
import { changeDid, moveTo, pdsAt, targeted } from '../support/did.ts'
import { newKey } from '../support/keys.ts'
import { inWorld, ORIGIN, TARGET, type World } from '../support/world.ts'

const bucket = (env as unknown as { BLOBS: R2Bucket }).BLOBS
const HOUR = 3600_000

type Params = { blobs?: 'sample' | 'all'; cursor?: string }
const ask = ({ admin }: World, params: Params = {}) => admin.com.cirrus.admin.checkMigration(params)
const levels = (checks: readonly Check[]) => Object.fromEntries(checks.map(({ id, level }) => [id, level]))
const find = (checks: readonly Check[], id: string): Check => {
  const found = checks.find((check) => check.id === id)
  if (!found) throw new Error(`no check ${id}`)
  return found
}
/** Every answer, until one has no cursor. */
const askAll = async (world: World, params: Params = {}) => {
  const answers = [await ask(world, params)]
  for (let cursor = answers[0]?.cursor; cursor !== undefined; cursor = answers.at(-1)?.cursor)
    answers.push(await ask(world, { ...params, cursor }))
  return answers
}

/** Records that refer to so many blobs. */
const fill = async (world: World, blobs: number): Promise<string[]> => {
  const owner = await world.signIn()
  const cids: string[] = []
  for (let n = 0; n < blobs; n++) {
    const blob = await upload(owner, `blob ${n} ${'x'.repeat(n)}`, 'text/plain')
    cids.push(blob.ref.$link)
    await put(owner, world.did, `r${n}`, { blob })
  }
  return cids
}
const keyOf = ({ account }: World, cid: string): string =>
  account.sql.first<{ key: string }>('SELECT key FROM blob WHERE cid = ?', cid)?.key ?? ''

describe('checkMigration', () => {
  it('passes an account that is whole, and gives the facts that it looked at', () =>
    inWorld({}, async (world) => {
      const cids = await fill(world, 3)
      const { checks, facts, verified, cursor } = await ask(world)
      expect(levels(checks)).toEqual({
        state: 'pass',
        identity: 'pass',
        'signing-key': 'pass',
        'rotation-key': 'pass',
        'recovery-key': 'pass',
        operations: 'pass',
        unsubmitted: 'pass',
        import: 'pass',
        'blobs-stored': 'pass',
        commit: 'pass',
        repository: 'pass',
        blobs: 'pass',
      })
      expect(cursor).toBeUndefined()
      const head = world.account.repo.requireHead()
      expect(facts).toMatchObject({
        did: world.did,
        time: new Date(world.clock.now).toISOString(),
        state: 'active',
        pds: ORIGIN,
        head: world.directory.head(world.did).cid,
        rotationKeys: [
          { key: world.recovery.did, role: 'recovery' },
          { key: world.key.did, role: 'source' },
        ],
        operations: { left: 9, hour: 1, day: 1, week: 1 },
        rev: head.rev,
        data: head.data.toString(),
        records: 3,
        blobs: { expected: 3, stored: 3, largest: { cid: cids[2], mimeType: 'text/plain' } },
        unsubmitted: [],
      })
      expect(facts?.repoBytes).toBeGreaterThan(verified.bytes)
      expect(verified).toMatchObject({ records: 3, blobs: 3, blobBytes: facts?.blobs.bytes })
    }))

  it('counts one record and one blob as one', () =>
    inWorld({}, async (world) => {
      await fill(world, 1)
      const { checks } = await ask(world)
      expect(find(checks, 'repository')?.seen).toBe('1 record verified')
      expect(find(checks, 'blobs')?.seen).toBe('1 blob read, each with the right hash')
    }))

  it('changes nothing', () =>
    inWorld({}, async (world) => {
      await fill(world, 2)
      const before = [await world.head(), world.latest(), world.journal(), world.account.sql.written]
      await askAll(world, { blobs: 'all' })
      expect([await world.head(), world.latest(), world.journal(), world.account.sql.written]).toEqual(before)
    }))

  it('reads a few blobs by default, and with `all` every one, in pages', () =>
    inWorld({ env: { UPLOADS_PER_DAY: '1000' } }, async (world) => {
      await fill(world, 50)
      const [sample, ...none] = await askAll(world)
      expect(none).toEqual([])
      expect(sample?.verified.blobs).toBeGreaterThan(11)
      expect(sample?.verified.blobs).toBeLessThanOrEqual(16)
      const answers = await askAll(world, { blobs: 'all' })
      expect(answers.map(({ verified }) => verified.blobs)).toEqual([40, 10])
      expect(answers[1]).not.toHaveProperty('facts')
      expect(answers[1]?.checks.map(({ id }) => id)).toEqual(['blobs'])
    }))

  it('fails with blobs whose bytes are gone or others, and warns of those that never came', () =>
    inWorld({}, async (world) => {
      const [lost = '', changed = '', never = ''] = await fill(world, 4)
      await bucket.delete(keyOf(world, lost))
      await bucket.put(keyOf(world, changed), 'blob 1 y')
      world.account.sql.run('DELETE FROM blob WHERE cid = ?', never)
      const { checks, verified } = await ask(world, { blobs: 'all' })
      expect(verified.wrong?.toSorted()).toEqual([lost, changed].toSorted())
      expect(find(checks, 'blobs')).toMatchObject({ level: 'fail', mend: expect.stringContaining('restore') })
      expect(find(checks, 'blobs-stored')).toMatchObject({
        level: 'warn',
        seen: expect.stringContaining('1 blob of 4'),
      })
    }))

  it('fails with a repository that does not verify, and with a commit that is lost', () =>
    inWorld({}, async (world) => {
      await fill(world, 3)
      const lose = async (row: string) => {
        world.account.sql.run(`UPDATE loose SET n = -n WHERE n = (${row})`)
        await world.restart()
      }
      await lose('SELECT max(n) - 1 FROM loose')
      const { checks, cursor } = await ask(world)
      expect(find(checks, 'repository')).toMatchObject({
        level: 'fail',
        seen: expect.stringMatching(/is missing/),
      })
      expect(cursor).toBeUndefined()
      await lose('SELECT max(n) FROM loose')
      expect(find((await ask(world)).checks, 'commit')).toMatchObject({ level: 'fail' })
      world.account.sql.run('UPDATE loose SET n = -n WHERE n < 0')
    }))

  it('fails where the DID names another server or key, and where it cannot be looked up', () =>
    inWorld({}, async (world) => {
      const other = await newKey()
      await changeDid(world, world.recovery, {
        services: pdsAt(TARGET),
        verificationMethods: { atproto: other.did },
        rotationKeys: [other.did],
      })
      world.clock.now += 60_000
      const { checks, facts } = await ask(world)
      expect(levels(checks)).toMatchObject({
        state: 'fail',
        identity: 'fail',
        'signing-key': 'fail',
        'rotation-key': 'fail',
      })
      expect(facts?.pds).toBe(TARGET)
      world.directory.mode = 'down'
      world.clock.now += 60_000
      const down = await ask(world)
      expect(find(down.checks, 'identity')).toMatchObject({ level: 'fail', mend: 'try again in a minute' })
      expect(down.facts).toMatchObject({ did: world.did, records: 0 })
    }))

  it('warns where no key is above ours, and of a key that nobody told it of', () =>
    inWorld({ recoveryKeys: false }, async (world) => {
      expect(find((await ask(world)).checks, 'recovery-key')).toMatchObject({
        level: 'warn',
        mend: expect.stringContaining('pds recovery-key create'),
      })
      const stranger = await newKey()
      await changeDid(world, world.key, { rotationKeys: [stranger.did, world.key.did] })
      world.clock.now += 60_000
      const { checks, facts } = await ask(world)
      expect(find(checks, 'recovery-key')).toMatchObject({
        level: 'warn',
        seen: expect.stringContaining(stranger.did),
      })
      expect(facts?.rotationKeys?.[0]).toEqual({ key: stranger.did, role: 'unknown' })
    }))

  it('counts what the directory still takes: a warning before it is too little, a failure with the time to wait', () =>
    inWorld({}, async (world) => {
      const level = async () => find((await ask(world)).checks, 'operations')
      for (let n = 0; n < 9; n++) {
        world.clock.now += 60_000
        await changeDid(world, world.key, { alsoKnownAs: [`at://n${n}.example.com`] })
        if (n === 6) expect(await level()).toMatchObject({ level: 'warn' })
      }
      world.clock.now += 60_000
      const begun = world.clock.now - 10 * 60_000
      expect(await level()).toMatchObject({
        level: 'fail',
        mend: `wait until ${new Date(begun + HOUR).toISOString()}`,
      })
    }))

  it('warns of an operation that was signed and not submitted, and shows the fence', () =>
    inWorld({}, async (world) => {
      const mover = world.bearer(await world.mint(targeted))
      await mover.com.atproto.identity.signPlcOperation(moveTo(await newKey()))
      const { until } = await world.admin.com.cirrus.admin.fenceWrites({ minutes: 5 })
      const { checks, facts } = await ask(world)
      expect(find(checks, 'unsubmitted')).toMatchObject({
        level: 'warn',
        mend: expect.stringContaining('pds identity --void'),
      })
      expect(facts?.unsubmitted).toHaveLength(1)
      expect(facts?.fencedUntil).toBe(until)
    }))

  it('says of a did:web that no key takes a move back', () =>
    inWorld({ didWeb: true }, async (world) => {
      const { checks, facts } = await ask(world)
      expect(find(checks, 'recovery-key').seen).toContain('did.json on cirrus.example.com')
      expect(levels(checks)).not.toHaveProperty('operations')
      expect(facts).not.toHaveProperty('rotationKeys')
    }))

  it('answers a token that reads the repository, and asks the directory no more often for it', () =>
    inWorld({}, async (world) => {
      const token = world.bearer(await world.mint({ scope: ['repo:read'] }))
      let asked = 0
      world.directory.before = async () => void asked++
      for (let n = 0; n < 5; n++) await token.com.cirrus.admin.checkMigration()
      expect(asked).toBeLessThanOrEqual(1)
    }))

  it('refuses a cursor that is none of its own, and has nothing to say before there is an account', () =>
    inWorld({ active: false }, async (world) => {
      expect(await failure(ask(world))).toMatchObject({ error: 'RepoNotFound' })
      await world.admin.com.atproto.server.activateAccount()
      expect(await failure(ask(world, { cursor: 'elsewhere' }))).toMatchObject({ error: 'InvalidRequest' })
      expect(levels((await ask(world)).checks)).toMatchObject({ repository: 'pass' })
    }))
})
