import type { RepoEvent } from '../../../src/client/subscribe.ts'
import { rehearseTarget } from '../../../src/mover/rehearseTarget/rehearseTarget.ts'
import type { RehearsalDeps } from '../../../src/mover/rehearseTarget/types.ts'
import { type FakeDirectory, createFakeDirectory } from '../fakes/directory.ts'
import { createFakePds } from '../fakes/fakePds.ts'
import { type FakeNetwork, createNetwork } from '../fakes/network.ts'
import type { FakeAccount, FakePds } from '../fakes/types.ts'

export const NSIDS = {
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

export interface World {
  network: FakeNetwork
  directory: FakeDirectory
  pds: FakePds
  deps: { -readonly [Name in keyof RehearsalDeps]: RehearsalDeps[Name] }
  /** Says something to those who follow the events. */
  tell(kind: string, fields: object): void
  /** What is told by itself, by method; a fault may take it away. */
  told: Set<string>
}

export const accountOf = ({ pds }: World): FakeAccount => {
  const [account] = pds.accounts.values()
  if (!account) throw new Error('there is no account')
  return account
}

/** A server that does what the reference does, and tells of it. */
export const createWorld = async (): Promise<World> => {
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

export const rehearse = async (world: World) => {
  const { findings, left, did } = await rehearseTarget(world.deps, { target: world.pds.origin })
  const ids = (level: string) => findings.filter((finding) => finding.level === level).map(({ id }) => id)
  return { findings, left, did, wrong: ids('fail'), doubtful: ids('warn') }
}
