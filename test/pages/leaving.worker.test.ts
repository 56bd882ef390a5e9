/** The page that shows a move as it happens. */
import { describe, expect, it } from 'vitest'
import { moveSeen } from '../../src/pages/leaving/moveSeen.ts'
import { createCopies } from '../../src/account/status/copies.ts'
import { inWorld, TARGET, TARGET_DID } from '../handlers/support/world.ts'
import type { Shown } from './support/browser.ts'
import { signedIn } from './support/signedIn.ts'

const MINUTE_MS = 60_000

const refresh = ({ headers }: Shown) => headers.get('refresh')
const steps = ({ body }: Shown) =>
  [...body.matchAll(/<li class="(done|)">\s*([^<]*?)\s*<span/g)].map(([, done, name]) => [
    name,
    done === 'done',
  ])

it('has the preflight as far as this server knows, and does not renew itself while nothing happens', () =>
  inWorld({}, async (world) => {
    const { page } = await signedIn(world, '/account/leaving')
    const { checks } = await world.admin.com.cirrus.admin.checkMigration()
    for (const { seen } of checks.filter(({ id }) => id !== 'blobs')) expect(page.text).toContain(seen)
    expect(refresh(page)).toBeNull()
    expect(steps(page).every(([, done]) => !done)).toBe(true)
  }))

it('shows the steps of a move as the journal has them, and renews itself without a script', () =>
  inWorld({}, async (world) => {
    const owner = await world.signIn()
    for (let n = 0; n < 12; n++)
      await owner.com.atproto.repo.createRecord({
        repo: world.did,
        collection: 'app.bsky.feed.post',
        record: { $type: 'app.bsky.feed.post', text: `${n}`, createdAt: '2026-11-22T12:00:00.000Z' },
      })
    const { browser } = await signedIn(world, '/account/leaving')
    const token = await world.mint({
      target: TARGET,
      audience: TARGET_DID,
      scope: ['account:create', 'repo:read', 'blob:read'],
    })
    let page = await browser.open('/account/leaving')
    expect(refresh(page)).toBe('5')
    expect(page.text).toContain(`for ${TARGET}`)
    expect(page.text).toContain('Nothing was read with a migration token')

    const { body } = await world.bearer(token).com.atproto.sync.getRepo({ did: world.did })
    await new Response(body).arrayBuffer()
    page = await browser.open('/account/leaving')
    expect(page.text).toContain('12 of 12 records and 0 of 0 pictures')
    expect(
      steps(page)
        .slice(0, 3)
        .map(([, done]) => done),
    ).toEqual([true, true, false])
    expect(page.body).toContain('<svg class="plot" viewBox="0 0 640 222" role="img"')

    expect(refresh(await browser.open('/account/leaving?still=yes'))).toBeNull()

    // The check reads a part of the repository: it waits until it is asked for.
    expect(page.text).toContain('Check it now')
    page = await browser.open('/account/leaving?check=yes')
    expect([refresh(page), page.text.includes('records verified')]).toEqual([null, true])

    world.clock.now += 61 * MINUTE_MS
    page = (await signedIn(world, '/account/leaving')).page
    expect(refresh(page)).toBeNull()
  }))

it('is not written down: what was copied costs no row', () =>
  inWorld({}, async (world) => {
    const token = await world.mint({ target: TARGET, audience: TARGET_DID })
    const { written } = world.account.sql
    const { body } = await world.bearer(token).com.atproto.sync.getRepo({ did: world.did })
    await new Response(body).arrayBuffer()
    expect(world.account.copies.points()).not.toEqual([])
    expect(world.account.sql.written).toBe(written)
  }))

it('counts nothing that anybody else reads', () =>
  inWorld({}, async (world) => {
    const { body } = await world.client.com.atproto.sync.getRepo({ did: world.did })
    await new Response(body).arrayBuffer()
    expect(world.account.copies.points()).toEqual([])
  }))

describe('what was copied', () => {
  const at = (now: number) => {
    const clock = { now }
    return { clock, copies: createCopies({ platform: { now: () => clock.now } }) }
  }

  it('takes bounded memory however long a move takes, and keeps its first and its last point', () => {
    const { clock, copies } = at(1000)
    for (let n = 1; n <= 50_000; n++) {
      copies.noteRecords(n)
      copies.noteBlob(`blob ${n % 30_000}`)
      clock.now += 700
    }
    const points = copies.points()
    expect(points.length).toBeLessThanOrEqual(241)
    expect(points[0]?.at).toBe(1000)
    expect(points.at(-1)?.records).toBe(50_000)
    for (const [n, point] of points.entries()) {
      expect(point.at).toBeGreaterThanOrEqual(points[n - 1]?.at ?? 0)
      expect(point.records).toBeGreaterThanOrEqual(points[n - 1]?.records ?? 0)
    }
  })

  it('counts a blob once, and never goes down', () => {
    const { copies } = at(0)
    copies.noteBlob('a')
    copies.noteBlob('a')
    copies.noteRecords(10)
    copies.noteRecords(2)
    expect(copies.points().at(-1)).toEqual({ at: 0, records: 10, blobs: 1 })
  })

  it('is forgotten after a day without a read', () => {
    const { clock, copies } = at(0)
    copies.noteRecords(10)
    clock.now += 24 * 60 * MINUTE_MS
    expect(copies.points()).toEqual([])
  })
})

describe('a move in the journal', () => {
  const entry = (n: number, event: string, detail = {}) => ({
    n,
    at: n * 1000,
    event,
    detail,
    prev: '',
    hash: '',
  })

  it('begins after the account was created, activated, or came back', () => {
    const entries = [
      entry(1, 'mint', { target: 'https://old.example', exp: 900 }),
      entry(2, 'sign'),
      entry(3, 'moved-away'),
      entry(4, 'moved-back'),
      entry(5, 'mint', { target: 'https://new.example', exp: 905 }),
      entry(6, 'revoke-tokens'),
      entry(7, 'mint', { target: null, exp: 907 }),
    ].toReversed()
    expect(moveSeen(entries)).toEqual({
      tokens: [
        { mintedAt: 7000, target: undefined, expiresAt: 907_000, isRevoked: false },
        { mintedAt: 5000, target: 'https://new.example', expiresAt: 905_000, isRevoked: true },
      ],
      signedAt: undefined,
      deactivatedAt: undefined,
      movedAt: undefined,
      verifiedAt: undefined,
    })
  })
})
