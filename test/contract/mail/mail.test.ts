/** What is found with the codes that a server mails: at one that is right, and at those that are wrong in one thing. */
import { afterAll, describe, expect, it } from 'vitest'
import { NoCode } from '../../../src/contract/codeRequest.ts'
import { deletion } from '../../../src/contract/areas/deletion/deletion.ts'
import { signature } from '../../../src/contract/areas/signature/signature.ts'
import type { Report } from '../../../src/contract/types.ts'
import { refusal } from '../../mover/fakes/network.ts'
import { othersOf, tableOf } from '../faults/table.ts'
import { instead, isMadeUp, mailFaults, REQUEST_DELETION, REQUEST_SIGNATURE, SIGN } from './mailFaults.ts'
import { ADDRESS, createMailWorld, type MailWorld } from './mailWorld.ts'

const outcomes = ({ findings }: Report, outcome: string): string[] => [
  ...new Set(findings.filter((finding) => finding.outcome === outcome).map(({ rule }) => rule.id)),
]
const times = ({ pds }: MailWorld, id: string): number =>
  // The suite asks without a session whether a method is there.
  pds.calls.get(id) ?? 0

const ALL = [...signature.rules, ...deletion.rules].map(({ id }) => id)

describe('with the codes that a server mails', () => {
  it('every rule is kept, two mails are sent to the address, and nothing stays', async () => {
    const world = await createMailWorld()
    const report = await world.run()
    expect([outcomes(report, 'broken'), report.incomplete, report.left]).toEqual([[], [], []])
    expect(outcomes(report, 'kept').toSorted()).toEqual(ALL.toSorted())
    expect(world.pds.accounts.size).toBe(0)
    expect(report.removed).toContainEqual(expect.stringMatching(/^the account contract-.*only the DID stays/))
    expect(world.asked.map(({ purpose }) => purpose)).toEqual(['plc-signature', 'account-deletion'])
    expect(JSON.stringify(report)).not.toContain(ADDRESS)
  })

  const found: (typeof mailFaults)[number][] = []
  afterAll(() => console.log(tableOf(found)))

  it.for(mailFaults)('$rule finds: $name', async (fault) => {
    const world = await createMailWorld()
    fault.plant(world)
    const report = await world.run()
    expect([outcomes(report, 'broken'), report.incomplete]).toEqual([[fault.rule, ...othersOf(fault)], []])
    found.push(fault)
  })

  it('each rule has a fault', () => {
    const has = new Set(mailFaults.map(({ rule }) => rule))
    expect(ALL.filter((id) => !has.has(id))).toEqual([])
  })

  it('no mail is asked for unless somebody reads it, and the account stays', async () => {
    const world = await createMailWorld()
    const asked: string[] = []
    world.pds.hooks.push({
      before({ method, sent }) {
        if (sent.headers.has('authorization')) asked.push(method)
        return undefined
      },
    })
    const report = await world.run({}, null)
    expect(report.findings).toEqual([])
    expect(asked.filter((id) => id === REQUEST_DELETION || id === REQUEST_SIGNATURE)).toEqual([])
    expect(report.left).toEqual([expect.stringMatching(/deactivated: its administrator can delete it$/)])
  })

  it('an account of somebody is not deleted, and is asked to change nothing', async () => {
    const world = await createMailWorld()
    const account = await ownAccount(world)
    const asked: Record<string, unknown>[] = []
    world.pds.hooks.push({
      before({ method, input, sent }) {
        if (method === SIGN && sent.bytes.length > 0) asked.push(input())
        return undefined
      },
    })
    const before = world.directory.data(account.did)
    const credentials = { identifier: account.handle, password: account.password }
    const report = await world.run({ credentials, accountHasRecords: true })
    expect([outcomes(report, 'broken'), report.incomplete, report.left]).toEqual([[], [], []])
    expect(outcomes(report, 'kept').filter((id) => id.startsWith('deletion.'))).toEqual([])
    expect(times(world, REQUEST_DELETION)).toBeLessThanOrEqual(2)
    expect(world.asked.map(({ purpose }) => purpose)).toEqual(['plc-signature'])
    const { rotationKeys, services } = before ?? {}
    const signed = asked.find(({ token }) => token !== 'AAAAA-BBBBB' && token !== undefined)
    expect(signed).toMatchObject({ rotationKeys, services })
    expect(world.directory.data(account.did)).toEqual(before)
  })
})

const ownAccount = async (world: MailWorld) => {
  const created = await world.network.fetch(`${world.pds.origin}/xrpc/com.atproto.server.createAccount`, {
    method: 'POST',
    body: JSON.stringify({
      handle: 'alice.pds.fake-pds.org',
      password: 'hunter2-hunter2',
      email: 'alice@mail.example',
    }),
  })
  expect(created.status).toBe(200)
  const [account] = world.pds.accounts.values()
  if (!account) throw new Error('there is no account')
  return account
}

describe('the person who reads the mail', () => {
  it('is asked again for a code that was refused, and told why', async () => {
    const world = await createMailWorld()
    const report = await world.run({}, async ({ purpose, did, refused }) => {
      const account = world.pds.accounts.get(did)
      if (refused === undefined) return 'WRONG-CODE1'
      return String(purpose === 'plc-signature' ? account?.plcCode : account?.deletionCode)
    })
    expect([outcomes(report, 'broken'), report.left]).toEqual([[], []])
    expect(world.asked.map(({ refused }) => refused)).toEqual([
      undefined,
      '400 InvalidToken: Token is invalid',
      undefined,
      '400 InvalidToken: Token is invalid',
    ])
  })

  it('is asked three times at most, and no more for the account that stays', async () => {
    const world = await createMailWorld()
    const report = await world.run({}, async () => 'WRONG-CODE1')
    expect(outcomes(report, 'broken')).toEqual(['signature.signs', 'deletion.deletes'])
    expect(world.asked).toHaveLength(6)
    expect(report.left).toEqual([
      expect.stringContaining('not deleted (400 InvalidToken: Token is invalid), deactivated'),
    ])
    expect(JSON.stringify(report)).not.toContain('WRONG-CODE1')
  })

  it('gets another mail where the code has expired', async () => {
    const world = await createMailWorld()
    let refusals = 1
    world.pds.hooks.push(
      instead(SIGN, (call) =>
        isMadeUp(call) || refusals-- <= 0 ? undefined : refusal(400, 'ExpiredToken', 'Token is expired'),
      ),
    )
    const report = await world.run({ areas: [signature] })
    expect(outcomes(report, 'broken')).toEqual([])
    // Once to see whether it is there.
    expect(world.asked.map(({ refused }) => refused)).toEqual([
      undefined,
      '400 ExpiredToken: Token is expired',
      undefined,
    ])
  })

  it('may have no code: the parts end early with the reason, and the account is deactivated', async () => {
    const world = await createMailWorld()
    const report = await world.run({}, async () => {
      throw new NoCode('no mail came')
    })
    expect(report.incomplete).toEqual([
      { area: 'signature', reason: 'no mail came' },
      { area: 'deletion', reason: 'no mail came' },
    ])
    expect(world.asked).toHaveLength(2)
    expect(report.left).toEqual([expect.stringContaining('not deleted (no mail came), deactivated')])
    const [account] = world.pds.accounts.values()
    expect(account?.active).toBe(false)
  })

  it('deletes the account at the end where the run does not try deletions', async () => {
    const world = await createMailWorld()
    const report = await world.run({ areas: [signature] })
    expect(world.pds.accounts.size).toBe(0)
    expect([report.left, report.incomplete]).toEqual([[], []])
    expect(report.removed).toContainEqual(expect.stringContaining('only the DID stays'))
  })
})
