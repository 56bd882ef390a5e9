import { afterEach, describe, expect, it } from 'vitest'
import { createFakeDirectory } from '../mover/fakes/directory.ts'
import { createFakePds } from '../mover/fakes/fakePds.ts'
import { createNetwork, json } from '../mover/fakes/network.ts'
import type { FakePdsOptions } from '../mover/fakes/types.ts'
import { member, pds, type RunOptions } from './support.ts'

const TARGET = 'https://new.fake-pds.org'

const world = async (options: Partial<FakePdsOptions> = {}) => {
  const network = createNetwork()
  const directory = createFakeDirectory(network)
  const target = await createFakePds({ network, directory, origin: TARGET, ...options })
  const run = (args: readonly string[] = [], more: RunOptions = {}) =>
    pds(['rehearse-target', TARGET, '--plc', directory.origin, ...args], {
      // Time goes on with each request.
      fetch: async (...asked) => {
        await network.wait(1, new AbortController().signal)
        return await network.fetch(...asked)
      },
      now: network.now,
      ...more,
    })
  return { network, directory, target, run }
}

afterEach(() => {
  Reflect.set(globalThis, 'WebSocket', REAL)
})
const REAL = globalThis.WebSocket

describe('pds rehearse-target', () => {
  it('asks first, since what it makes stays', async () => {
    const { run, target, network } = await world()
    const done = await run()
    expect([done.code, done.stderr]).toEqual([4, expect.stringContaining('Both stay.')])
    expect([target.accounts.size, network.requests]).toEqual([0, []])
  })

  it('needs the directory that the server uses', async () => {
    const done = await pds(['rehearse-target', TARGET, '--yes', '--json'])
    expect([done.code, member(done.json, 'error', 'code')]).toEqual([2, 'usage'])
  })

  it('does not begin with a Cirrus, or without the invite code that the server wants', async () => {
    const cirrus = await world()
    cirrus.network.add(TARGET, ({ url }) =>
      url.pathname.endsWith('describeServer')
        ? json({ did: 'did:web:new.fake-pds.org', availableUserDomains: [] })
        : json({ error: 'InvalidRequest' }, 400),
    )
    const refused = await cirrus.run(['--yes', '--json'])
    expect(member(refused.json, 'error', 'code')).toBe('bad-target')
    const invited = await world({ inviteCode: 'invite-canary' })
    const without = await invited.run(['--yes', '--json'])
    expect([without.code, member(without.json, 'error', 'code')]).toEqual([4, 'invite-needed'])
    expect(invited.target.accounts.size).toBe(0)
    const given = await invited.run(['--yes', '--json'], { env: { PDS_INVITE_CODE: 'invite-canary' } })
    expect(invited.target.accounts.size).toBe(1)
    expect(given.stdout + given.stderr).not.toContain('invite-canary')
  })

  it('prints what was seen and what was expected, and ends with 3 where something is wrong', async () => {
    // There are no events in this network.
    Reflect.set(globalThis, 'WebSocket', undefined)
    const { run, target } = await world()
    const done = await run(['--yes', '--handle', 'trial.new.fake-pds.org'])
    expect(done.code).toBe(3)
    const [account] = target.accounts.values()
    expect(account?.handle).toBe('trial.new.fake-pds.org')
    expect(done.stdout).toContain('✓ createAccount.expired')
    expect(done.stdout).toMatch(/✗ events {10,}the stream ended: there is no WebSocket here/)
    expect(done.stdout).toMatch(/Expected: subscribeRepos can be followed, and its numbers grow \(https:/)
    expect(done.stdout).toContain('! events.commit')
    expect(done.stdout).toMatch(/\d+ checks: 1 wrong, \d+ that deserve a look\./)
    expect(done.stdout).toContain(
      `  the account trial.new.fake-pds.org (${account?.did}) at ${TARGET}, deactivated`,
    )
    expect(done.stdout + done.stderr).not.toContain(account?.password)
  })
})
