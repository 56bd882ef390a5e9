/** The object dies at each durable step of the flow, and everybody repeats what they did. */
import { afterEach, expect, it } from 'vitest'
import { FAULT_POINTS, onFault } from '../../src/fault.ts'
import { KILLED, killAt } from '../handlers/support/faults.ts'
import { inWorld, type World } from '../handlers/support/world.ts'
import { type App, CLIENT_ID, codeOf, createApp, said, type Tokens, tokensOf } from './support/app.ts'

afterEach(() => onFault(undefined))

interface Died {
  /** The answers of the request that died, and of the same one again, on a new object. */
  answers: string[]
  /** How many grants there are then. */
  grants: number
}

/** Sends a request whose object dies, and sends it again. */
const twice = async (world: World, point: string, send: () => Promise<string>): Promise<string[]> => {
  killAt(point)
  const first = await send()
  onFault(undefined)
  await world.restart()
  return [first, await send()]
}

const DIED = '500 server_error'

const CASES: Record<string, (world: World, app: App, tokens: Tokens) => Promise<string[]>> = {
  'oauth.afterRequest': (world, app) =>
    twice(world, 'oauth.afterRequest', async () => said(await app.push())),
  'oauth.afterApproval': async (world, app) => {
    const requestUri = await app.request()
    return await twice(world, 'oauth.afterApproval', () =>
      world.account.oauth.authorizations.approve(requestUri, CLIENT_ID).then(
        () => 'approved',
        (cause: unknown) => (cause === KILLED ? DIED : String(cause).slice(0, 35)),
      ),
    )
  },
  'oauth.afterExchange': async (world, app) => {
    const code = await app.code()
    return await twice(world, 'oauth.afterExchange', async () => said(await app.exchange(code)))
  },
  'oauth.afterRefresh': (world, app, { refresh_token }) =>
    twice(world, 'oauth.afterRefresh', async () => said(await app.refresh(refresh_token))),
  'oauth.afterEnd': (world, app, { access_token }) =>
    twice(world, 'oauth.afterEnd', async () => said(await app.revoke(access_token))),
}

/**
 * What is left. Where the tokens of an answer were lost, what was to be used once has been used: the client cannot know,
 * and signs in again.
 */
const EXPECTED: Record<string, Died> = {
  'oauth.afterRequest': { answers: [DIED, '201'], grants: 1 },
  'oauth.afterApproval': { answers: [DIED, 'OAuthError: request_uri: is not kno'], grants: 1 },
  'oauth.afterExchange': { answers: [DIED, '400 invalid_grant'], grants: 1 },
  'oauth.afterRefresh': { answers: [DIED, '400 invalid_grant'], grants: 0 },
  'oauth.afterEnd': { answers: [DIED, '200'], grants: 0 },
}

it.each(FAULT_POINTS.filter((name) => name.startsWith('oauth.')))(
  'a death at %s leaves nothing half done, and the app can sign in again',
  (point) =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      const tokens = await app.signIn()
      const answers = await CASES[point]?.(world, app, tokens)
      const { grants } = world.account.oauth
      expect({ answers, grants: grants.list().length }).toEqual(EXPECTED[point])
      expect(world.account.journal.verify().ok).toBe(true)
      // What was approved and never exchanged opens nothing, and goes with its time.
      world.clock.now += 5 * 60_000
      await app.signIn()
      const rows = world.account.sql.all('SELECT id FROM oauth_grant WHERE refresh IS NULL')
      expect(rows).toEqual([])
    }),
)

it('a death before an approval is committed leaves the request as it was', () =>
  inWorld({}, async (world) => {
    const app = await createApp(world)
    const requestUri = await app.request()
    const { authorizations } = world.account.oauth
    world.account.sql.run(
      "CREATE TRIGGER fail BEFORE INSERT ON oauth_grant BEGIN SELECT RAISE(ABORT, 'disk'); END",
    )
    await expect(authorizations.approve(requestUri, CLIENT_ID)).rejects.toThrow('disk')
    world.account.sql.run('DROP TRIGGER fail')
    const { params, ...rest } = await authorizations.approve(requestUri, CLIENT_ID)
    expect(tokensOf(await app.exchange(codeOf({ params, ...rest }))).sub).toBe(world.did)
  }))

it('a refusal that ends a grant is not rolled back with the answer', () =>
  inWorld({}, async (world) => {
    const app = await createApp(world)
    const code = await app.code()
    await app.exchange(code)
    killAt('oauth.afterEnd')
    expect(said(await app.exchange(code))).toBe(DIED)
    onFault(undefined)
    await world.restart()
    expect(world.account.oauth.grants.list()).toEqual([])
  }))
