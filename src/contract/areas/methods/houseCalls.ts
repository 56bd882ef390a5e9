import { isObject, type JsonObject } from '../../../isObject.ts'
import { inWords, type Ask } from '../../ask.ts'
import type { OwnSession, Rule, Run } from '../../types.ts'
import { callers } from './methodRequests.ts'
import { expectedErrors, notNamed } from './refusals.ts'

const ALL = ['source', 'target', 'daily'] as const

const works: Rule = {
  id: 'calls.house-works',
  sentence: 'The owner, the admin and a migration token can do what a Cirrus offers them.',
  level: 'house',
  source: 'src/policy.ts; docs/architecture.md',
  profiles: ALL,
}

const token: Rule = {
  id: 'calls.house-token-scope',
  sentence: 'A migration token opens what its scopes name, and nothing else.',
  level: 'house',
  source: 'src/policy.ts',
  profiles: ALL,
}

export const HOUSE_CALLS: readonly Rule[] = [works, token]

const post = (headers: Readonly<Record<string, string>>, body?: JsonObject): Ask => ({
  verb: 'POST',
  headers: body ? { ...headers, 'content-type': 'application/json' } : { ...headers },
  ...(body ? { body: JSON.stringify(body) } : {}),
})

/** Calls that only a Cirrus answers so, each of which leaves nothing behind. */
export async function checkHouseCalls(run: Run, { did, accessJwt }: OwnSession): Promise<void> {
  if (!run.applies(works)) return
  const call = async (id: string, name: string, ask: Ask): Promise<JsonObject> => {
    let fields: JsonObject = {}
    if (run.serves(id))
      await run.expect(works, { subject: id, case: name, expected: '200' }, async (asking) => {
        const answer = await asking(id, ask)
        if (isObject(answer.json)) fields = answer.json
        if (typeof fields['token'] === 'string') run.hide(fields['token'])
        return answer.status === 200 ? undefined : inWords(answer)
      })
    return fields
  }
  const owner = { authorization: `Bearer ${accessJwt}` }
  await call('com.atproto.server.reserveSigningKey', 'names the signing key', post({}, { did }))
  // Other servers would send mail.
  await call('com.atproto.identity.requestPlcOperationSignature', 'is asked for a signature', post(owner))
  const admin = (await callers(run)).find(({ kind }) => kind === 'admin')?.headers
  if (!admin) return
  const minted = await call(
    'com.cirrus.admin.createMigrationToken',
    'mints a token',
    post(admin, { scope: ['repo:read'] }),
  )
  const { token: mintedToken } = minted
  if (typeof mintedToken === 'string') {
    const bearer = { authorization: `Bearer ${mintedToken}` }
    await call('com.cirrus.admin.getManifest', 'reads with the token', { headers: bearer })
    await call('com.cirrus.admin.checkMigration', 'sees with it whether the account can leave', {
      headers: bearer,
    })
    const id = 'app.bsky.actor.getPreferences'
    const place = { subject: id, case: 'another scope', expected: expectedErrors(['InvalidToken']) }
    if (run.serves(id))
      await run.expect(token, place, async (ask) =>
        notNamed(await ask(id, { headers: bearer }), ['InvalidToken']),
      )
  }
  await call('com.cirrus.admin.revokeMigrationTokens', 'revokes it', post(admin))
  await call('com.cirrus.admin.signStatement', 'signs a hash', post(admin, { digest: 'ab'.repeat(32) }))
  await call('com.cirrus.admin.fenceWrites', 'takes writes, as before', post(admin, { minutes: 0 }))
  await call('com.cirrus.admin.emitIdentity', 'has the identity looked up again', post(admin))
}
