// Cirrus and the reference PDS, each with an account, for apps to sign in to.
import { startPlcCirrus } from '../../../../dev/account.ts'
import { startLocalService } from '../../../support/localService.ts'
import { startPlc } from '../../../support/plc.ts'
import { startReference } from '../../support/reference.ts'
import { startClientHost, type ClientHost } from './clientHost.ts'
import { shiftClock } from './shiftClock.ts'

/** A PDS under test, its account, and what a test has to know of it. */
export interface Server {
  readonly name: 'cirrus' | 'reference'
  readonly url: string
  /** The PDS's own DID. */
  readonly serviceDid: string
  readonly did: string
  readonly handle: string
  readonly email: string
  readonly password: string
  /** How long an access token lasts. */
  readonly accessSeconds: number
}

export interface World extends AsyncDisposable {
  readonly plcUrl: string
  readonly clients: ClientHost
  readonly servers: Readonly<Record<Server['name'], Server>>
  /** The service that both forward to; its answers are the DID of the caller and the method that the token is for. */
  readonly appView: { readonly url: string; readonly did: string }
  /** Moves the clock of both servers and of this process; 0 puts it right again. */
  shiftClock(ms: number): Promise<void>
}

export const SERVERS: readonly Server['name'][] = ['reference']

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

export async function startWorld(): Promise<World> {
  await using started = new AsyncDisposableStack()
  const plc = started.use(await startPlc())
  const clients = started.use(await startClientHost())
  const appView = { url: started.use(await startAppView()).url, did: APPVIEW }
  const reference = started.use(
    await startReference({
      plcUrl: plc.url,
      hosts: clients.hosts,
      env: { bskyAppViewUrl: appView.url, bskyAppViewDid: appView.did },
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
      env: { EMAIL: email, APPVIEW: `${appView.url} ${appView.did}` },
    }),
  )
  const bob = await reference.createAccount({
    handle: 'bob.test',
    email: 'bob@example.com',
    password: PASSWORD,
  })
  const disposable = started.move()
  return {
    plcUrl: plc.url,
    clients,
    appView,
    servers: {
      cirrus: {
        name: 'cirrus',
        url: cirrus.url,
        serviceDid: cirrus.serviceDid,
        did: cirrus.did,
        handle: cirrus.handle,
        email,
        password: PASSWORD,
        accessSeconds: 15 * 60,
      },
      reference: {
        name: 'reference',
        url: reference.url,
        serviceDid: reference.did,
        did: bob.did,
        handle: bob.handle,
        email: bob.email,
        password: PASSWORD,
        accessSeconds: 60 * 60,
      },
    },
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
