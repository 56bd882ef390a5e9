/** The whole suite on a real Worker, as anyone and as its owner and its admin: nothing of any level is broken. */
import { beforeAll, expect, it } from 'vitest'
import { AREAS, RULES } from '../../src/contract/areas.ts'
import type { Report } from '../../src/contract/types.ts'
import { codeOf, CREDENTIALS, ORIGIN } from './deployed.ts'
import { methods } from './lexicon.ts'
import { brokenOf, createWorld, OWNER, type World } from './repository/world.ts'

/** Methods that the suite never calls with success on a Cirrus, and why. */
const NOT_CALLED: Record<string, string> = {
  'com.atproto.identity.submitPlcOperation': 'it would change the identity',
  'com.atproto.identity.updateHandle': 'it would announce the identity',
  'com.atproto.repo.importRepo': 'it would replace the repository',
  'com.atproto.server.confirmEmail': 'no mail is sent',
  'com.atproto.server.createAccount': 'an account can be created only once',
  'com.atproto.server.deleteAccount': 'no mail is sent',
  'com.atproto.server.requestAccountDelete': 'no mail is sent',
  'com.atproto.server.requestEmailConfirmation': 'no mail is sent',
  'com.atproto.server.requestEmailUpdate': 'no mail is sent',
  'com.atproto.server.requestPasswordReset': 'no mail is sent',
  'com.atproto.server.resetPassword': 'no mail is sent',
  'com.atproto.server.updateEmail': 'no mail is sent',
  'com.cirrus.admin.addRecoveryKey': 'it would change the identity',
  'com.cirrus.admin.beginRepoUpload': 'it would begin to replace the repository',
  'com.cirrus.admin.cancelPull': 'it would end a pull that runs',
  'com.cirrus.admin.createPasskeyLink': 'it would leave a link behind',
  'com.cirrus.admin.deleteAccount': 'it would delete the account',
  'com.cirrus.admin.endGrants': "it would end the access of the owner's apps",
  'com.cirrus.admin.endSessions': "it would sign the owner's clients out",
  'com.cirrus.admin.pullRepo': 'it would replace the repository',
  'com.cirrus.admin.raiseRevFloor': 'it would raise the revision for ever',
  'com.cirrus.admin.recordVerification': 'the account did not move',
  'com.cirrus.admin.releaseRetention': 'it takes the handle, typed',
  'com.cirrus.admin.removePasskey': 'it would remove a passkey',
  'com.cirrus.admin.requestCrawl': 'it would call relays',
  'com.cirrus.admin.rotateSigningKey': 'it would change the identity',
  'com.cirrus.admin.setPasswordSignIn': 'it would change how the owner signs in',
  'com.cirrus.admin.updateDidWeb': 'it would change the identity',
  'com.cirrus.admin.updateHandle': 'it would change the identity',
  'com.cirrus.admin.updatePds': 'it would announce the identity, and call relays',
  'com.cirrus.admin.uploadRepoPart': 'it would replace the repository',
  'com.cirrus.admin.voidPlcOperation': 'it would change the identity',
}

/** Rules about accounts that are made and deleted, methods of relays, and a reader that pauses, which workerd cannot. */
const NOT_TRIED =
  /^(target|creation|deletion)\.|^repo\.(listed-by-collection|host-status)$|^firehose\.(slow-reader|held-up)$/

let world: World
beforeAll(async () => {
  world = await createWorld()
})

/** The methods that were answered 200 to the request that a finding keeps. */
const calledWithSuccess = ({ findings }: Report): Set<string> =>
  new Set(
    findings
      .flatMap(({ exchanges }) => exchanges)
      .filter(({ status, curl }) => status === 200 && !curl.includes('-X OPTIONS'))
      .map(({ curl }) => /\/xrpc\/([\w.]+)/.exec(curl)?.[1] ?? ''),
  )

it('keeps every rule towards anyone', async () => {
  const report = await world.run(AREAS, undefined, { only: () => true })
  expect(brokenOf(report)).toEqual([])
  expect([report.incomplete, report.left]).toEqual([[], []])
  const inBody = report.findings.filter(({ reason }) =>
    reason?.includes('before the credential was looked for'),
  )
  expect(inBody.map(({ subject }) => subject)).toEqual([])
  expect(report.findings.filter(({ outcome }) => outcome === 'kept').length).toBeGreaterThan(2000)
})

it('keeps every rule towards its owner and its admin, tries each, and calls each method with success, but the listed ones', async () => {
  const report = await world.run(AREAS, undefined, {
    ...OWNER,
    adminPassword: CREDENTIALS.admin,
    mailedCode: () => codeOf(world.deployed),
    only: () => true,
  })
  expect(brokenOf(report)).toEqual([])
  expect([report.incomplete, report.left]).toEqual([[], []])
  const kept = new Set(report.findings.filter(({ outcome }) => outcome === 'kept').map(({ rule }) => rule.id))
  expect(RULES.map(({ id }) => id).filter((id) => !kept.has(id) && !NOT_TRIED.test(id))).toEqual([])
  const called = calledWithSuccess(report)
  const left = methods.map(({ id }) => id).filter((id) => !called.has(id))
  expect(left.toSorted()).toEqual(Object.keys(NOT_CALLED).toSorted())
  expect(await world.deployed.inside(({ account }) => account.check())).toMatchObject({ ok: true })
})

it('serves blobs so that nothing on the way compresses them and drops their length', async () => {
  const { deployed } = world
  const { cids } = await deployed.call('com.atproto.sync.listBlobs', { query: `?did=${deployed.did}` })
  const [cid] = Array.isArray(cids) ? cids : []
  const query = new URLSearchParams({ did: deployed.did, cid: String(cid) })
  const answer = await deployed.fetch(new Request(`${ORIGIN}/xrpc/com.atproto.sync.getBlob?${query}`))
  expect([answer.status, answer.headers.get('content-length')]).toEqual([200, '3'])
  expect(answer.headers.get('cache-control')).toContain('no-transform')
  await answer.arrayBuffer()
})
