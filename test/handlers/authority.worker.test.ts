/** The authority matrix: every kind of credential, on every method, in every state, sent for real. */
import { describe, expect, it } from 'vitest'
import { UPLOAD_BLOB } from '../../src/signing/serviceToken.ts'
import type { MethodId } from '../../src/generated/methods.ts'
import { type CredentialKind, policy, type Rule, type State } from '../../src/policy.ts'
import { declaredErrors, definition } from '../../src/xrpc/lexicons.ts'
import { seenAs } from '../../src/contract/areas/methods/houseCredentials.ts'
import type { Schema } from '../../src/contract/lexicon/lexiconSet.ts'
import { sampler } from '../contract/lexicon.ts'
import { authorizationOf, DEPRECATED_READS, KINDS, STATES } from '../support/authority.ts'
import { inWorld, TARGET_DID, TARGET, type World } from './support/world.ts'

// `policy` has exactly the methods, by its type.
const METHODS = Object.keys(policy) as MethodId[]
const CID = 'bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'
const READS_WITHOUT_ERRORS = [
  'com.atproto.repo.describeRepo',
  'com.atproto.repo.getRecord',
  'com.atproto.repo.listRecords',
]

/**
 * Valid parameters, which are read before the credential is: a sample of what the lexicon requires, and things of
 * this account.
 */
const params = (world: World, id: MethodId): Record<string, string> => ({
  ...samples(id),
  did: world.did,
  repo: world.did,
  collection: 'app.bsky.feed.post',
  rkey: 'a',
  cid: CID,
  cids: CID,
  root: CID,
  offset: '0',
  aud: TARGET_DID,
  lxm: 'com.atproto.server.createAccount',
})

const samples = (id: MethodId): Record<string, string> => {
  const { parameters } = definition(id)
  const values = parameters ? sampler.value(parameters as Schema) : {}
  return Object.fromEntries(Object.entries(Object(values)).map(([name, value]) => [name, String(value)]))
}

const setState = (world: World, state: State): void => {
  world.account.sql.run(
    'UPDATE account SET state = ?, activated_at = 1, moved_to = ?, tokens_not_before = 0',
    state === 'absent' ? 'new' : state === 'deactivated' || state === 'deleted' ? state : 'active',
    state === 'moved' ? TARGET : null,
  )
}

/** What the table says: the error, or `undefined` for a caller who is let in. */
const expected = (id: MethodId, kind: CredentialKind, state: State): string | undefined => {
  const { who, lenient }: Rule = policy[id]
  const declared = declaredErrors(definition(id))
  const seen = seenAs(policy[id], kind)
  const states = who[seen]
  if (lenient && who.anyone?.includes(state)) return undefined
  if (!states) return seen === 'anyone' ? 'AuthMissing' : 'InvalidToken'
  if (states.includes(state)) return undefined
  if (state === 'absent' || state === 'deleted')
    return declared.includes('RepoNotFound') || DEPRECATED_READS.includes(id)
      ? 'RepoNotFound'
      : 'InvalidRequest'
  if (state === 'active') return 'InvalidRequest'
  const open =
    declared.includes('RepoDeactivated') || [...READS_WITHOUT_ERRORS, ...DEPRECATED_READS].includes(id)
  return state === 'deactivated' && seen === 'anyone' && open ? 'RepoDeactivated' : 'AccountDeactivated'
}

const STATUS: Record<string, number> = { AuthMissing: 401, AccountDeactivated: 403 }
const NEVER_INSIDE = ['AuthMissing', 'AuthenticationRequired', 'AccountDeactivated', 'RepoDeactivated']

/**
 * A procedure is sent without a body, as no typed client does: a caller who is let in fails there, and changes
 * nothing.
 */
const send = async (world: World, id: MethodId, authorization?: string) => {
  const response = await world.fetch(`/xrpc/${id}?${new URLSearchParams(params(world, id))}`, {
    method: definition(id).type === 'procedure' ? 'POST' : 'GET',
    headers: { ...(authorization && { authorization }) },
  })
  const { status } = response
  if (status < 400) await response.body?.cancel()
  const { error, message }: { error?: string; message?: string } = status < 400 ? {} : await response.json()
  return { status, error, message }
}

describe('the authority matrix', () => {
  for (const state of STATES)
    it(`holds for every method and credential while the account is ${state}`, () =>
      inWorld({}, async (world) => {
        let cells = 0
        for (const id of METHODS) {
          if (policy[id].runs === 'worker') continue
          for (const kind of KINDS) {
            setState(world, state)
            const auth = await authorizationOf(world.account, kind)
            const answer = await send(world, id, auth)
            const want = expected(id, kind, state)
            const cell = `${id} by ${kind} while ${state}`
            cells++
            if (want !== undefined)
              expect([cell, answer.status, answer.error]).toEqual([cell, STATUS[want] ?? 400, want])
            else if (answer.error !== undefined) {
              expect(NEVER_INSIDE, `${cell}: ${answer.error} ${answer.message}`).not.toContain(answer.error)
              // Only for what the handler itself asks for beyond the table.
              if (answer.error === 'InvalidToken') expect([cell, answer.message]).toEqual([cell, ''])
            }
          }
        }
        expect(cells).toBe(METHODS.filter((id) => policy[id].runs === 'account').length * KINDS.length)
      }))

  it('lets anyone call the probes, in every state', () => {
    const probes = METHODS.filter((id) => policy[id].runs === 'worker')
    expect(probes).toEqual([
      'com.atproto.identity.resolveHandle',
      'com.atproto.server.deleteAccount',
      'com.atproto.server.describeServer',
      'com.atproto.server.requestPasswordReset',
      'com.atproto.server.resetPassword',
    ])
    for (const id of probes) expect(policy[id].who).toEqual({ anyone: STATES })
  })

  // Written out, because the matrix takes what it expects from the policy.
  it('opens to app passwords what apps use, and nothing of the identity, of moves, sessions or other passwords', () => {
    const openTo = (kind: CredentialKind) =>
      METHODS.filter((id) => {
        const { who }: Rule = policy[id]
        return who[kind] !== undefined
      })
    expect(openTo('appPassword')).toEqual([
      'app.bsky.actor.getPreferences',
      'app.bsky.actor.putPreferences',
      'com.atproto.repo.applyWrites',
      'com.atproto.repo.createRecord',
      'com.atproto.repo.deleteRecord',
      'com.atproto.repo.describeRepo',
      'com.atproto.repo.getRecord',
      'com.atproto.repo.listMissingBlobs',
      'com.atproto.repo.listRecords',
      'com.atproto.repo.putRecord',
      'com.atproto.repo.uploadBlob',
      'com.atproto.server.checkAccountStatus',
      'com.atproto.server.getServiceAuth',
      'com.atproto.server.getSession',
      'com.atproto.sync.getBlob',
      'com.atproto.sync.getBlocks',
      'com.atproto.sync.getCheckout',
      'com.atproto.sync.getHead',
      'com.atproto.sync.getLatestCommit',
      'com.atproto.sync.getRecord',
      'com.atproto.sync.getRepo',
      'com.atproto.sync.getRepoStatus',
      'com.atproto.sync.listBlobs',
      'com.atproto.sync.listRepos',
      'com.atproto.temp.checkSignupQueue',
    ])
    expect(openTo('appPasswordPrivileged')).toEqual(openTo('appPassword'))
    expect(openTo('blobUpload')).toEqual([UPLOAD_BLOB])
  })

  it('answers RepoNotFound to a caller that names another account, in every state', () =>
    inWorld({}, async (world) => {
      for (const state of STATES) {
        setState(world, state)
        const elsewhere = world.client.com.atproto.sync.getRepo({ did: 'did:web:other.example.com' })
        await expect(elsewhere, state).rejects.toMatchObject({ error: 'RepoNotFound' })
      }
    }))
})
