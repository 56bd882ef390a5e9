import { readFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { loadSigningKey } from '../src/signing/keys.ts'
import { Secret } from '../src/crypto/secret.ts'
import { startPlcCirrus } from '../dev/account.ts'
import { signIn } from '../dev/seed.ts'
import { call, json } from './http.ts'

export type Kind = 'cirrus' | 'reference'

export interface Server {
  readonly kind: Kind
  readonly url: string
  readonly did: string
  readonly handle: string
  readonly password: string
  readonly adminPassword: string
  readonly token: string
  /** The account's signing key in hex, and its public half as did:key. */
  readonly signingKey: string
  readonly didKey: string
  readonly pid: number
  /** Milliseconds from the start of the process to the first answer. */
  readonly start: number
  /** What the owner gives for the PLC operation: the mailed code, or a migration token. */
  plcCode(): Promise<string>
  /** Cirrus only: rows written so far and the size of the database. */
  sql?(): Promise<{ written: number; databaseSize: number }>
  /** Cirrus only: resets the write limit of this hour. */
  forgetLimits(): Promise<void>
  /** Cirrus only: ends the process and starts another over the same state. */
  restart?(): Promise<void>
  close(): Promise<void>
}

const HANDLE = 'alice.test'

/** The Worker as it is deployed: without fault points and without the checks of answers that only development has. */
export const BUNDLE = { main: 'bench/worker.ts', define: { __DEV__: 'false', __FAULTS__: 'false' } }

const didKeyOf = async (hex: string) => (await loadSigningKey(new Secret(hex))).did

/** The service that requests are forwarded to. */
export interface AppView {
  readonly url: string
  readonly did: string
}

interface Start {
  readonly plcUrl: string
  readonly handle: string
  readonly appView: AppView | undefined
}

const startCirrus = async ({ plcUrl, handle, appView }: Start): Promise<Server> => {
  const begin = performance.now()
  const env = appView && { APPVIEW: `${appView.url} ${appView.did}` }
  const cirrus = await startPlcCirrus({ plcUrl, handle, bundle: BUNDLE, env })
  const start = performance.now() - begin
  const { url, did, signingKey, password, adminPassword } = cirrus
  const { accessJwt } = await signIn(url, cirrus)
  return {
    ...{ kind: 'cirrus', url, did, handle, password, adminPassword, token: accessJwt, signingKey, start },
    didKey: await didKeyOf(signingKey),
    get pid() {
      return cirrus.pid
    },
    plcCode: async () => {
      const authorization = `Basic ${Buffer.from(`admin:${adminPassword}`).toString('base64')}`
      const answer = await call(url, 'com.cirrus.admin.createMigrationToken', { authorization, body: {} })
      return String(json(answer)['token'])
    },
    sql: async () => {
      const { written, databaseSize } = json(await call(url, '/bench/sql'))
      return { written: Number(written), databaseSize: Number(databaseSize) }
    },
    forgetLimits: async () => void (await call(url, '/bench/limits')),
    restart: () => cirrus.restart(),
    close: () => cirrus.close(),
  }
}

const startTheReference = async ({ plcUrl, handle, appView }: Start): Promise<Server> => {
  // Imported only here, so that Cirrus alone can be measured without the packages of the reference.
  const { startReference } = await import('../test/interop/support/reference.ts')
  const begin = performance.now()
  const env = appView && {
    bskyAppViewUrl: appView.url,
    bskyAppViewDid: appView.did,
    // By default it breaks longer answers off after 10 MB.
    proxyMaxResponseSize: 1_000_000_000,
  }
  const reference = await startReference({ plcUrl, env })
  await call(reference.url, '_health')
  const start = performance.now() - begin
  const { did, agent, password } = await reference.createAccount({ handle })
  const fold = createHash('sha256').update(did).digest('hex').slice(0, 2)
  const signingKey = (await readFile(join(reference.directory, 'actors', fold, did, 'key'))).toString('hex')
  return {
    ...{
      kind: 'reference',
      url: reference.url,
      did,
      handle,
      password,
      signingKey,
      start,
      pid: reference.pid,
    },
    adminPassword: reference.adminPassword,
    plcCode: () => reference.plcToken(did),
    token: agent.session?.accessJwt ?? '',
    didKey: await didKeyOf(signingKey),
    forgetLimits: async () => {},
    close: () => reference.close(),
  }
}

/** Starts one of the two servers in a process of its own, with one empty account that is signed in. */
export const startServer = (
  kind: Kind,
  plcUrl: string,
  { appView, handle = HANDLE }: { appView?: AppView; handle?: string } = {},
): Promise<Server> => (kind === 'cirrus' ? startCirrus : startTheReference)({ plcUrl, handle, appView })
