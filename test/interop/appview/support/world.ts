// Two PDSes, Cirrus and the reference, before the same AppView; each with an owner, and a neighbour on a third server.
import { startPlcCirrus } from '../../../../dev/account.ts'
import { startPlc } from '../../../support/plc.ts'
import { startReference, type ReferenceAccount } from '../../support/reference.ts'
import { startAppView, type AppView } from './appview.ts'
import type { Names } from './normalise.ts'
import { startServices, type Services } from './services.ts'

/** An account on a PDS under test, and one that lives elsewhere for it to talk with. */
export interface Side {
  readonly name: 'cirrus' | 'reference'
  readonly url: string
  /** The PDS's own DID. */
  readonly serviceDid: string
  readonly owner: {
    readonly did: string
    readonly handle: string
    readonly email: string
    readonly password: string
  }
  readonly neighbour: ReferenceAccount
  /** A word that no text of another side has: what a search finds. */
  readonly word: string
  /** What this side's names are compared as. */
  readonly names: Names
  /** Waits until the AppView has indexed both accounts. */
  settle(): Promise<void>
}

export interface World extends AsyncDisposable {
  readonly appview: AppView
  readonly services: Services
  readonly cirrus: Side
  readonly reference: Side
}

const PASSWORD = 'a password of the owner'

export interface WorldOptions {
  /** Another reference server in place of Cirrus: between the two, no script may find a difference. */
  readonly ours?: 'cirrus' | 'reference'
}

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  await using started = new AsyncDisposableStack()
  const plc = started.use(await startPlc())
  const [appview, services] = await Promise.all([
    startAppView({ plcUrl: plc.url }).then((it) => started.use(it)),
    startServices().then((it) => started.use(it)),
  ])
  const elsewhere = started.use(await startReference({ plcUrl: plc.url }))
  // Where the AppView says that they are, so that its answers and those of the PDS agree.
  const pictures = `${appview.url}/img/%s/plain/%s/%s`
  const startCirrus = async () => {
    const cirrus = started.use(
      await startPlcCirrus({
        plcUrl: plc.url,
        handle: 'alice-c.test',
        password: PASSWORD,
        env: {
          EMAIL: 'alice-c@example.com',
          APPVIEW: `${appview.url} ${appview.did}`,
          MODERATION: `${services.url} ${services.did}`,
          CHAT: `${services.url} ${services.did}`,
          CDN_URL_PATTERN: pictures,
        },
      }),
    )
    const { url, serviceDid, did, handle, password } = cirrus
    return { url, serviceDid, owner: { did, handle, password, email: 'alice-c@example.com' } }
  }
  const startReferenceSide = async (handle: string) => {
    const pds = started.use(
      await startReference({
        plcUrl: plc.url,
        env: {
          bskyAppViewUrl: appview.url,
          bskyAppViewDid: appview.did,
          modServiceUrl: services.url,
          modServiceDid: services.did,
          bskyAppViewCdnUrlPattern: pictures,
          // As Bluesky's own servers have it.
          enableDidDocWithSession: true,
        },
      }),
    )
    const email = `${handle.replace('.test', '')}@example.com`
    const owner = await pds.createAccount({ handle, email, password: PASSWORD })
    return { url: pds.url, serviceDid: pds.did, owner }
  }
  const theirs = await startReferenceSide('alice-r.test')
  const ours = options.ours === 'reference' ? await startReferenceSide('alice-c.test') : await startCirrus()
  for (const pds of [ours, theirs, elsewhere]) await appview.follow(pds)

  const side = async (name: Side['name'], pds: Pick<Side, 'url' | 'serviceDid' | 'owner'>): Promise<Side> => {
    const { owner } = pds
    const neighbour = await elsewhere.createAccount({ handle: `bob-${name[0]}.test` })
    const word = `zebra${name[0]}${name[0]}`
    return {
      name,
      url: pds.url,
      serviceDid: pds.serviceDid,
      owner,
      neighbour,
      word,
      names: new Map([
        [pds.url, '<pds>'],
        [new URL(pds.url).host, '<pds host>'],
        [pds.serviceDid, '<pds did>'],
        [owner.did, '<owner>'],
        [owner.handle, '<owner.handle>'],
        [owner.email, '<owner.email>'],
        [neighbour.did, '<neighbour>'],
        [neighbour.handle, '<neighbour.handle>'],
        [word, '<word>'],
        [elsewhere.url, '<elsewhere>'],
        [appview.url, '<appview>'],
        [appview.did, '<appview did>'],
        [services.url, '<services>'],
        [services.did, '<services did>'],
      ]),
      settle: () =>
        appview.settle({ pdsUrl: pds.url, did: owner.did }, { pdsUrl: elsewhere.url, did: neighbour.did }),
    }
  }
  const world = {
    appview,
    services,
    cirrus: await side('cirrus', ours),
    reference: await side('reference', theirs),
  }
  const all = started.move()
  return { ...world, [Symbol.asyncDispose]: () => all.disposeAsync() }
}
