// What the tests do with a Cirrus besides moving it: mint as its admin, ask for its status, write as its owner.
import { AtpAgent } from '@atproto/api'

import { startPlcCirrus, type PlcAccountOptions } from '../../../dev/account.ts'
import type { Cirrus } from '../../../dev/cirrus.ts'
import { seedCirrus, signIn as session, type Seeded } from '../../../dev/seed.ts'
import { loadSigningKey } from '../../../src/signing/keys.ts'
import type { MigrationClaims } from '../../../src/signing/migrationToken.ts'
import { Secret } from '../../../src/crypto/secret.ts'
import { startPlc, type PlcDirectory } from '../../support/plc.ts'
import { startReference, type Reference } from './reference.ts'
import { basic, bearer, procedure, query, Refused, type TokenMove } from './token.ts'
import { readRepo, type RepoState } from './verify.ts'

export type SourceCirrus = Awaited<ReturnType<typeof startPlcCirrus>>

/** A PLC directory and an empty reference PDS. */
export interface Stage extends AsyncDisposable {
  readonly plc: PlcDirectory
  readonly reference: Reference
}

export async function startStage(): Promise<Stage> {
  const plc = await startPlc()
  try {
    const reference = await startReference({ plcUrl: plc.url })
    return {
      plc,
      reference,
      [Symbol.asyncDispose]: async () => {
        await reference.close()
        await plc.close()
      },
    }
  } catch (cause) {
    await plc.close()
    throw cause
  }
}

/** A Cirrus with an account that holds something, before the reference PDS that it may move to. */
export interface Scene extends Stage {
  readonly cirrus: SourceCirrus
  readonly did: string
  readonly seeded: Seeded
  readonly before: RepoState
}

export async function startScene(
  stage: Stage,
  options: Partial<PlcAccountOptions> & { records?: number; blobs?: number } = {},
): Promise<Scene> {
  const { records = 60, blobs = 8, ...account } = options
  const { plc, reference } = stage
  const cirrus = await startPlcCirrus({ plcUrl: plc.url, handle: 'alice.test', ...account })
  try {
    const { did } = cirrus
    const seeded = await seedCirrus(cirrus.url, await session(cirrus.url, cirrus), { records, blobs })
    const before = await readRepo(cirrus.url, did)
    return { plc, reference, cirrus, did, seeded, before, [Symbol.asyncDispose]: cirrus.close }
  } catch (cause) {
    await cirrus.close()
    throw cause
  }
}

/** createMigrationToken as the admin. */
export async function mint(
  cirrus: Cirrus,
  options: { target?: { url: string; did: string }; scope?: string[] } = {},
): Promise<string> {
  const { target, scope } = options
  const answer = await admin(cirrus, 'com.cirrus.admin.createMigrationToken', {
    ...(target ? { target: target.url, audience: target.did } : {}),
    ...(scope ? { scope } : {}),
  })
  if (!('token' in answer) || typeof answer.token !== 'string') throw new Error('no token in the answer')
  return answer.token
}

/** A procedure, or with no input at all a query, as the admin. */
export const admin = (cirrus: Cirrus, method: string, input?: object): Promise<object> =>
  input === undefined
    ? query(cirrus.url, method, basic(cirrus.adminPassword))
    : procedure(cirrus.url, method, basic(cirrus.adminPassword), input)

/** A procedure that takes no input, as the admin. */
export const command = (cirrus: Cirrus, method: string): Promise<object> =>
  procedure(cirrus.url, method, basic(cirrus.adminPassword))

export interface Status {
  readonly active: boolean
  readonly state: string
  readonly identity: {
    readonly pds?: string
    readonly movedAway: boolean
    readonly head?: string
    readonly rotationKeys: string[]
    readonly error?: string
  }
  readonly unsubmitted: { readonly cid: string; readonly pds?: string }[]
  readonly blobs: { readonly expected: number; readonly stored: number }
  readonly next: string
}

/** What `pds status` shows. */
export const status = async (cirrus: Cirrus): Promise<Status> =>
  // The server validates its output in development: it has this shape.
  (await admin(cirrus, 'com.cirrus.admin.getStatus')) as Status

/** The claims of a token. */
export const claims = (token: string): Record<string, unknown> => {
  const parsed: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
  if (typeof parsed !== 'object' || parsed === null) throw new Error('not a token')
  return Object.fromEntries(Object.entries(parsed))
}

/** An agent of @atproto/api, signed in with the account password. */
export async function ownerOf(cirrus: Cirrus): Promise<AtpAgent> {
  const agent = new AtpAgent({ service: cirrus.url })
  await agent.login({ identifier: cirrus.did, password: cirrus.password })
  return agent
}

/** The owner's access token as a header. */
export const ownerAuth = async (cirrus: Cirrus): Promise<string> =>
  bearer((await session(cirrus.url, cirrus)).accessJwt)

/** The move of this scene's account to its reference PDS. */
export const moveTo = ({ cirrus, reference, did }: Scene, token: string): TokenMove => ({
  sourceUrl: cirrus.url,
  token,
  did,
  target: {
    url: reference.url,
    handle: cirrus.handle,
    email: `${cirrus.handle}@example.com`,
    password: 'new password',
  },
})

/** The same token, minted a thousand seconds earlier: what a token is after its 15 minutes. */
export async function expired(cirrus: Cirrus, token: string): Promise<string> {
  const key = await loadSigningKey(new Secret(cirrus.signingKey))
  // The server made the claims; only the times are changed.
  const minted = claims(token) as unknown as MigrationClaims
  return key.signMigrationToken({ ...minted, iat: minted.iat - 1000, exp: minted.exp - 1000 })
}

/** The error that a call ends with, or a failure if it does not. */
export async function refusal(call: Promise<unknown>): Promise<Refused> {
  const ended = await call.then(
    () => undefined,
    (cause: unknown) => cause,
  )
  if (ended instanceof Refused) return ended
  throw new Error('it was not refused', { cause: ended })
}

/** A post by the account's session, wherever it lives: what shows that an account can write. */
export async function write(host: string, did: string, authorization: string, text = 'still here') {
  const collection = 'app.bsky.feed.post'
  const record = { $type: collection, text, createdAt: new Date().toISOString() }
  return procedure(host, 'com.atproto.repo.createRecord', authorization, { repo: did, collection, record })
}

/** What `pds check` finds wrong. */
export async function problems(cirrus: Cirrus): Promise<unknown> {
  const report = await admin(cirrus, 'com.cirrus.admin.checkRepo')
  return 'problems' in report ? report.problems : report
}
