/** What a rehearsal says of servers that do one thing wrong. */
import { encode } from '@atproto/lex-cbor'
import { describe, expect, it } from 'vitest'
import type { RepoEvent } from '../../src/client/subscribe.ts'
import { rehearseTarget } from '../../src/mover/rehearseTarget/rehearseTarget.ts'
import { TARGET_CHECKS } from '../../src/mover/rehearseTarget/targetChecks.ts'
import type { RehearsalDeps } from '../../src/mover/rehearseTarget/types.ts'
import { createFakeDirectory, type FakeDirectory } from './fakes/directory.ts'
import { createFakePds } from './fakes/fakePds.ts'
import { createNetwork, type FakeNetwork, json } from './fakes/network.ts'
import type { CallHook, FakeAccount, FakeCall, FakePds } from './fakes/types.ts'

const NSIDS = {
  activate: 'com.atproto.server.activateAccount',
  create: 'com.atproto.server.createAccount',
  credentials: 'com.atproto.identity.getRecommendedDidCredentials',
  deactivate: 'com.atproto.server.deactivateAccount',
  getBlob: 'com.atproto.sync.getBlob',
  getPreferences: 'app.bsky.actor.getPreferences',
  getRepo: 'com.atproto.sync.getRepo',
  import: 'com.atproto.repo.importRepo',
  latest: 'com.atproto.sync.getLatestCommit',
  listBlobs: 'com.atproto.sync.listBlobs',
  listRecords: 'com.atproto.repo.listRecords',
  missing: 'com.atproto.repo.listMissingBlobs',
  repoStatus: 'com.atproto.sync.getRepoStatus',
  resolve: 'com.atproto.identity.resolveHandle',
  signIn: 'com.atproto.server.createSession',
  status: 'com.atproto.server.checkAccountStatus',
  submit: 'com.atproto.identity.submitPlcOperation',
  upload: 'com.atproto.repo.uploadBlob',
  write: 'com.atproto.repo.createRecord',
} as const

interface World {
  network: FakeNetwork
  directory: FakeDirectory
  pds: FakePds
  deps: { -readonly [Name in keyof RehearsalDeps]: RehearsalDeps[Name] }
  /** Says something to those who follow the events. */
  tell(kind: string, fields: object): void
  /** What is told by itself, by method; a fault may take it away. */
  told: Set<string>
}

const accountOf = ({ pds }: World): FakeAccount => {
  const [account] = pds.accounts.values()
  if (!account) throw new Error('there is no account')
  return account
}

/** A server that does what the reference does, and tells of it. */
const createWorld = async (): Promise<World> => {
  const network = createNetwork()
  const directory = createFakeDirectory(network)
  const pds = await createFakePds({ network, directory, origin: 'https://new.fake-pds.org' })
  const events: RepoEvent[] = []
  const world: World = {
    network,
    directory,
    pds,
    told: new Set(['identity', 'account', 'sync', 'commit']),
    tell(kind, fields) {
      const seq = events.length + 1
      if (world.told.has(kind))
        // A test's event has what the checks look at.
        events.push({
          $type: `com.atproto.sync.subscribeRepos#${kind}`,
          seq,
          ...fields,
        } as unknown as RepoEvent)
    },
    deps: {
      fetch: network.fetch,
      now: network.now,
      random: (length) => crypto.getRandomValues(new Uint8Array(length)),
      wait: async (ms, signal) => {
        await network.wait(ms, signal)
        await new Promise((resolve) => setImmediate(resolve))
      },
      signal: new AbortController().signal,
      directoryUrl: directory.origin,
      dev: false,
      async *events(_, signal) {
        for (let n = 0; !signal.aborted;) {
          const event = events[n]
          if (event) {
            n++
            yield event
          } else await new Promise((resolve) => setTimeout(resolve, 1))
        }
      },
    },
  }
  pds.hooks.push({
    after({ method, account, session }, answer) {
      const { did = '', rev = '' } = account ? { did: account.did, rev: account.repo.rev } : {}
      if (!answer.ok || !session) return answer
      if (method === NSIDS.activate) {
        world.tell('account', { did, active: true })
        world.tell('identity', { did })
        world.tell('sync', { did, rev })
      }
      if (method === NSIDS.write) world.tell('commit', { repo: did, rev })
      if (method === NSIDS.deactivate) world.tell('account', { did, active: false, status: 'deactivated' })
      return answer
    },
  })
  return world
}

const rehearse = async (world: World) => {
  const { findings, left, did } = await rehearseTarget(world.deps, { target: world.pds.origin })
  const ids = (level: string) => findings.filter((finding) => finding.level === level).map(({ id }) => id)
  return { findings, left, did, wrong: ids('fail'), doubtful: ids('warn') }
}

type Fault = (world: World) => void

const before =
  (method: string, act: (call: FakeCall, n: number) => Response | undefined): Fault =>
  ({ pds }) => {
    let n = 0
    pds.hooks.push({ before: (call) => (call.method === method ? act(call, ++n) : undefined) })
  }

const after =
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
const FAULTS: Record<string, Fault> = {
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

describe('a rehearsal', () => {
  it('finds nothing wrong with a server that does what the reference does', async () => {
    const world = await createWorld()
    const { wrong, doubtful, left, did, findings } = await rehearse(world)
    expect(findings.filter(({ level }) => level === 'fail')).toEqual([])
    expect([wrong, doubtful]).toEqual([
      [],
      [
        'importRepo.otherKey',
        'uploadBlob.a-picture-of-any-type',
        'repository.signedByServer',
        'repository.latestCommit',
        'events.repository',
      ],
    ])
    expect(findings.map(({ id }) => id)).toEqual(TARGET_CHECKS.map(({ id }) => id))
    // Afterwards the account is deactivated, and the DID names nothing.
    expect(accountOf(world).active).toBe(false)
    expect(world.directory.data(did)).toMatchObject({ services: {}, alsoKnownAs: [] })
    expect(left).toEqual([expect.stringContaining('deactivated'), expect.stringContaining(did)])
    expect(JSON.stringify(left)).not.toContain(accountOf(world).password)
  })

  it.each(Object.entries(FAULTS))('sees where a server fails at %s', async (id, fault) => {
    const world = await createWorld()
    fault(world)
    const { findings } = await rehearse(world)
    const finding = findings.find((found) => found.id === id)
    expect(finding, JSON.stringify(findings.filter(({ level }) => level === 'fail'))).toMatchObject({
      level: TARGET_CHECKS.find((check) => check.id === id)?.level === 'must' ? 'fail' : 'warn',
      source: expect.stringMatching(/^https:\/\//),
    })
    expect(finding?.seen).not.toContain('not asked')
  })

  it('is tried against a fault for each expectation, but for uploads, which are alike', () => {
    const tried = new Set(Object.keys(FAULTS))
    const untried = TARGET_CHECKS.map(({ id }) => id).filter(
      (id) => !tried.has(id) && !id.startsWith('uploadBlob.'),
    )
    // The first is found with every server that does what the reference does.
    expect(untried).toEqual(['importRepo.otherKey', 'repository.signedByServer'])
  })

  it('ends where the directory does not answer, and says what is left where it fails at the end', async () => {
    const world = await createWorld()
    world.directory.hooks.push(() => json({ message: 'down' }, 503))
    await expect(rehearse(world)).rejects.toMatchObject({ code: 'directory-unavailable' })
    expect(world.pds.accounts.size).toBe(0)
    const later = await createWorld()
    after(NSIDS.signIn, (answer) => {
      later.directory.hooks.push(() => json({ message: 'down' }, 503))
      return answer
    })(later)
    const { wrong, left } = await rehearse(later)
    expect([wrong, left[1]]).toEqual([[], expect.stringContaining('as it is (')])
    // The sessions that were opened are ended, as far as there is one to end.
    expect([...later.pds.sessions.values()].filter(({ kind }) => kind === 'refresh')).toEqual([])
  })

  it('goes on where a server does not answer, or its lists have no end', async () => {
    const world = await createWorld()
    const { fetch } = world.deps
    world.deps.fetch = (url, init) =>
      url.includes(NSIDS.getBlob)
        ? new Promise((_, reject) => {
            init.signal?.addEventListener('abort', () => reject(init.signal?.reason))
          })
        : fetch(url, init)
    let n = 0
    before(NSIDS.listBlobs, () =>
      json({ cids: ['bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'], cursor: `${++n}` }),
    )(world)
    const { findings } = await rehearseTarget(world.deps, { target: world.pds.origin, timeoutMs: 5000 })
    const seen = (id: string) => findings.find((finding) => finding.id === id)
    expect(seen('blobs')).toMatchObject({ level: 'fail', seen: expect.stringContaining('NetworkError') })
    expect(seen('listBlobs')).toMatchObject({ level: 'fail', seen: expect.stringContaining('no end') })
    expect(seen('deactivateAccount')?.level).toBe('pass')
  })

  it('says of what depends on something that does not work that it was not asked', async () => {
    const world = await createWorld()
    before(NSIDS.import, () => json({ error: 'MethodNotImplemented' }, 501))(world)
    const { findings, wrong } = await rehearse(world)
    expect(wrong).toContain('importRepo')
    expect(findings.find(({ id }) => id === 'repository')?.seen).toBe(
      'not asked, because importRepo does not work',
    )
    expect(world.directory.data(accountOf(world).did)).toMatchObject({ services: {} })
  })
})
