// Cirrus and the reference PDS, each with an account, for apps to sign in to.
import { startPlcCirrus } from '../../../../dev/account.ts'
import { startLocalService } from '../../../support/localService.ts'
import { startPlc } from '../../../support/plc.ts'
import type { SourceCirrus } from '../../support/cirrus.ts'
import { startReference, type Reference } from '../../support/reference.ts'
import type { SignIn } from './authorization.ts'
import { startClientHost, type ClientHost } from './clientHost.ts'
import { divertedFetch } from './divertedFetch.ts'
import { shiftClock } from './shiftClock.ts'

/** A PDS under test, its account, and what a test has to know of it. */
export interface Server extends SignIn {
  readonly email: string
  /** How long an access token lasts. */
  readonly accessSeconds: number
}

export interface World extends AsyncDisposable {
  readonly plcUrl: string
  readonly clients: ClientHost
  readonly servers: Readonly<Record<Server['name'], Server>>
  readonly cirrus: SourceCirrus
  readonly reference: Reference
  /** The service that both forward to; its answers are the DID of the caller and the method that the token is for. */
  readonly appView: { readonly url: string; readonly did: string }
  /** `fetch`, for an app that calls the servers by their public names. */
  readonly fetch: typeof globalThis.fetch
  /** Moves the clock of both servers and of this process; 0 puts it right again. */
  shiftClock(ms: number): Promise<void>
}

export const SERVERS: readonly Server['name'][] = ['cirrus', 'reference']

/** The AppView's DID, as scopes name it. */
const APPVIEW = 'did:web:api.bsky.app'
const PASSWORD = 'a password of the owner'

/** Answers each request with what its service token says. */
const startAppView = () =>
  startLocalService((request, response) => {
    const token = request.headers.authorization?.split(' ')[1] ?? ''
    const claims = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString() || '{}'
    response.writeHead(200, { 'content-type': 'application/json' }).end(claims)
  })

export interface WorldOptions {
  /** The servers are called by https and a public name, as they are in production, and not by loopback. */
  readonly publicNames?: boolean
}

const PUBLIC_NAMES = { cirrus: 'cirrus.oauth-interop.org', reference: 'reference.oauth-interop.org' }

export async function startWorld({ publicNames = false }: WorldOptions = {}): Promise<World> {
  await using started = new AsyncDisposableStack()
  const plc = started.use(await startPlc())
  const clients = started.use(await startClientHost())
  const appView = { url: started.use(await startAppView()).url, did: APPVIEW }
  const reference = started.use(
    await startReference({
      plcUrl: plc.url,
      hosts: clients.hosts,
      env: {
        bskyAppViewUrl: appView.url,
        bskyAppViewDid: appView.did,
        ...(publicNames && {
          hostname: PUBLIC_NAMES.reference,
          serviceDid: `did:web:${PUBLIC_NAMES.reference}`,
        }),
      },
    }),
  )
  const email = 'alice@example.com'
  const cirrus = started.use(
    await startPlcCirrus({
      plcUrl: plc.url,
      handle: 'alice.test',
      password: PASSWORD,
      network: clients.network,
      bundle: { main: 'test/interop/oauth/support/worker.ts' },
      ...(publicNames && { endpoint: `https://${PUBLIC_NAMES.cirrus}` }),
      env: {
        EMAIL: email,
        APPVIEW: `${appView.url} ${appView.did}`,
        ...(publicNames && { HOSTNAME: PUBLIC_NAMES.cirrus }),
      },
    }),
  )
  const bob = await reference.createAccount({
    handle: 'bob.test',
    email: 'bob@example.com',
    password: PASSWORD,
  })
  const urlOf = (name: Server['name'], address: string) =>
    publicNames ? `https://${PUBLIC_NAMES[name]}` : address
  const disposable = started.move()
  return {
    plcUrl: plc.url,
    clients,
    appView,
    cirrus,
    reference,
    servers: {
      cirrus: {
        name: 'cirrus',
        url: urlOf('cirrus', cirrus.url),
        address: cirrus.url,
        did: cirrus.did,
        handle: cirrus.handle,
        email,
        password: PASSWORD,
        accessSeconds: 15 * 60,
      },
      reference: {
        name: 'reference',
        url: urlOf('reference', reference.url),
        address: reference.url,
        did: bob.did,
        handle: bob.handle,
        email: bob.email,
        password: PASSWORD,
        accessSeconds: 60 * 60,
      },
    },
    fetch: divertedFetch({
      [urlOf('cirrus', cirrus.url)]: cirrus.url,
      [urlOf('reference', reference.url)]: reference.url,
    }),
    shiftClock: async (ms) => {
      shiftClock(ms)
      await reference.shiftClock(ms)
      await fetch(`${cirrus.url}/test/clock?ms=${ms}`)
    },
    [Symbol.asyncDispose]: async () => {
      shiftClock(0)
      await disposable.disposeAsync()
    },
  }
}
