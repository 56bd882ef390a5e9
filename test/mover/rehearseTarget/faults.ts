import { encode } from '@atproto/lex-cbor'
import { json } from '../fakes/network.ts'
import type { CallHook, FakeCall } from '../fakes/types.ts'
import { accountOf, NSIDS, type World } from './world.ts'

type Fault = (world: World) => void

export const before =
  (method: string, act: (call: FakeCall, n: number) => Response | undefined): Fault =>
  ({ pds }) => {
    let n = 0
    pds.hooks.push({ before: (call) => (call.method === method ? act(call, ++n) : undefined) })
  }

export const after =
  (
    method: string,
    act: (answer: Response, call: FakeCall, world: World) => Response | Promise<Response>,
  ): Fault =>
  (world) =>
    void world.pds.hooks.push({
      after: (call, answer) => (call.method === method ? act(answer, call, world) : answer),
    } satisfies CallHook)

const changed =
  (method: string, change: (body: Record<string, unknown>, call: FakeCall) => object): Fault =>
  (world) =>
    after(method, async (answer, call) =>
      answer.ok ? json(change((await answer.json()) as Record<string, unknown>, call)) : answer,
    )(world)

const tokenOf = ({ sent }: FakeCall) => sent.headers.get('authorization')?.replace('Bearer ', '') ?? ''
const claims = (call: FakeCall) =>
  JSON.parse(Buffer.from(tokenOf(call).split('.')[1] ?? '', 'base64url').toString() || '{}') as Record<
    string,
    unknown
  >

/** createAccount that makes the account where `isWrong` says so, without looking at the token. */
const careless =
  (isWrong: (call: FakeCall, world: World) => boolean): Fault =>
  (world) => {
    const { pds } = world
    before(NSIDS.create, (call) => {
      if (pds.accounts.size > 0 || !isWrong(call, world)) return undefined
      const { handle, password } = call.input() as { handle: string; password: string }
      const did = String(call.input()['did'])
      const account = pds.addAccount({ did, handle, password, signingKey: pds.rotationKey, active: false })
      return json({ did, handle, ...pds.openSession(account) })
    })(world)
  }

const OK = () => json({})

/** One fault for each expectation that must hold, and for the others. */
export const FAULTS: Record<string, Fault> = {
  'createAccount.noToken': careless((call) => tokenOf(call) === ''),
  'createAccount.wrongAudience': careless((call, { pds }) => {
    const { aud } = claims(call)
    return aud !== undefined && aud !== pds.serviceDid
  }),
  'createAccount.wrongMethod': careless((call) => String(claims(call)['lxm']).endsWith('uploadBlob')),
  'createAccount.anyMethod': careless((call) => tokenOf(call) !== '' && claims(call)['lxm'] === undefined),
  'createAccount.expired': careless(
    (call, { network }) => Number(claims(call)['exp']) * 1000 < network.now(),
  ),
  'createAccount.otherKey': (world) => {
    let n = 0
    careless((call) => {
      const { aud, lxm, exp } = claims(call)
      const isRight = aud === world.pds.serviceDid && lxm === NSIDS.create
      return isRight && Number(exp) * 1000 > world.network.now() && ++n === 1
    })(world)
  },
  'createAccount.otherDid': careless(
    (call) => call.input()['did'] !== claims(call)['iss'] && tokenOf(call) !== '',
  ),
  createAccount: before(NSIDS.create, (_, n) => (n > 7 ? json({ error: 'Full' }, 503) : undefined)),
  'createAccount.again': (world) =>
    before(NSIDS.create, () => {
      const [account] = world.pds.accounts.values()
      return account && json({ did: account.did, handle: account.handle, ...world.pds.openSession(account) })
    })(world),
  'account.inactive': changed(NSIDS.status, (status) => ({ ...status, activated: true })),
  'account.activatedEarly': (world) =>
    before(NSIDS.activate, () => {
      accountOf(world).active = true
      return OK()
    })(world),
  credentials: changed(NSIDS.credentials, (found) => ({ ...found, rotationKeys: [] })),
  'importRepo.cutShort': before(NSIDS.import, (_, n) => (n === 2 ? OK() : undefined)),
  'importRepo.otherDid': before(NSIDS.import, (_, n) => (n === 1 ? OK() : undefined)),
  importRepo: before(NSIDS.import, (_, n) => (n === 4 ? json({ error: 'InvalidRequest' }, 400) : undefined)),
  'importRepo.again': before(NSIDS.import, (_, n) =>
    n === 5 ? json({ error: 'InvalidRequest' }, 400) : undefined,
  ),
  'status.counts': changed(NSIDS.status, (status) => ({ ...status, indexedRecords: 0 })),
  preferences: changed(NSIDS.getPreferences, () => ({ preferences: [] })),
  missingBlobs: changed(NSIDS.missing, () => ({ blobs: [] })),
  'uploadBlob.a-text': after(NSIDS.upload, async (answer, { sent }) => {
    const body = (await answer.json()) as { blob: object }
    const isText = sent.headers.get('content-type') === 'text/plain'
    return json(isText ? { blob: { ...body.blob, size: 1 } } : body, answer.status)
  }),
  'uploadBlob.a-large-picture': before(NSIDS.upload, ({ sent }) =>
    sent.bytes.length > 1e6 ? json({ error: 'PayloadTooLarge' }, 413) : undefined,
  ),
  'missingBlobs.none': (world) =>
    after(NSIDS.upload, (answer, { account }) => {
      account?.blobs.clear()
      return answer
    })(world),
  'events.quiet': (world) =>
    after(NSIDS.import, (answer, { account }) => {
      world.tell('commit', { repo: account?.did, rev: account?.repo.rev })
      return answer
    })(world),
  'submitPlcOperation.otherServer': (world) =>
    before(NSIDS.submit, ({ input }) => {
      const { operation } = input() as { operation: { services: Record<string, { endpoint: string }> } }
      return operation.services['atproto_pds']?.endpoint === world.pds.origin ? undefined : OK()
    })(world),
  submitPlcOperation: before(NSIDS.submit, (_, n) => (n === 2 ? OK() : undefined)),
  activateAccount: before(NSIDS.activate, (_, n) => (n === 2 ? OK() : undefined)),
  handle: before(NSIDS.resolve, () => json({ error: 'HandleNotFound' }, 400)),
  repository: (world) =>
    after(NSIDS.activate, async (answer) => {
      const account = accountOf(world)
      const [path = ''] = account.repo.records.keys()
      if (answer.ok) await world.pds.write(account, { [path]: undefined })
      return answer
    })(world),
  'repository.rev': (world) =>
    after(NSIDS.activate, async (answer) => {
      const { repo, signingKey } = accountOf(world)
      repo.rev = ''
      if (answer.ok) await repo.commit(signingKey, 1_600_000_000_000)
      return answer
    })(world),
  'repository.latestCommit': changed(NSIDS.latest, (found) => ({ ...found, rev: '2222222222222' })),
  records: changed(NSIDS.listRecords, ({ records, ...rest }) => ({
    ...rest,
    records: (records as object[]).slice(1),
  })),
  blobs: after(NSIDS.getBlob, async (answer) =>
    answer.headers.get('content-type') === 'application/json' ? json(await answer.json()) : answer,
  ),
  'blobs.types': after(NSIDS.getBlob, async (answer) =>
    answer.ok
      ? new Response(await answer.arrayBuffer(), { headers: { 'content-type': 'application/x' } })
      : answer,
  ),
  listBlobs: changed(NSIDS.listBlobs, ({ cids }) => ({ cids })),
  events: ({ deps }) => {
    deps.events = () => {
      throw new Error('no WebSocket')
    }
  },
  'events.active': (world) => {
    world.told.delete('account')
    after(NSIDS.write, (answer) => {
      world.told.add('account')
      return answer
    })(world)
  },
  'events.identity': ({ told }) => void told.delete('identity'),
  'events.repository': ({ told }) => void told.delete('sync'),
  write: before(NSIDS.write, ({ pds }) => {
    const [account] = pds.accounts.values()
    if (!account?.active) return undefined
    const uri = `at://${account.did}/app.bsky.feed.post/3aaaaaaaaaaaa`
    return json({ uri, cid: account.repo.cid, commit: { cid: account.repo.cid, rev: account.repo.rev } })
  }),
  'events.commit': ({ told }) => void told.delete('commit'),
  deactivateAccount: before(NSIDS.deactivate, OK),
  'deactivated.reads': (world) =>
    before(NSIDS.getRepo, (call) => {
      const account = accountOf(world)
      const isOpen = !account.active && call.sent.headers.get('authorization') === null
      return isOpen
        ? new Response(encode({}), { headers: { 'content-type': 'application/vnd.ipld.car' } })
        : undefined
    })(world),
  'deactivated.writes': (world) =>
    before(NSIDS.write, () => {
      const { active, did, repo } = accountOf(world)
      return active ? undefined : json({ uri: `at://${did}/a.b.c/d`, cid: repo.cid })
    })(world),
  'deactivated.signIn': before(NSIDS.signIn, () => json({ error: 'AccountDeactivated' }, 401)),
  'deactivated.readByOwner': (world) =>
    before(NSIDS.getRepo, (call) => {
      const isOwner = call.sent.headers.get('authorization') !== null
      return isOwner && !accountOf(world).active ? json({ error: 'RepoDeactivated' }, 400) : undefined
    })(world),
  'events.deactivated': (world) =>
    after(NSIDS.write, (answer) => {
      world.told.delete('account')
      return answer
    })(world),
}
