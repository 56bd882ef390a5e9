/** The authority matrix: every kind of credential, on every method, in every state, sent for real. */
import { describe, expect, it } from 'vitest'
import { UPLOAD_BLOB } from '../../src/signing/serviceToken.ts'
import type { MethodId } from '../../src/generated/methods.ts'
import { type CredentialKind, policy, type Rule, type State } from '../../src/policy.ts'
import { declaredErrors, definition } from '../../src/xrpc/lexicons.ts'
import { seenAs } from '../../src/contract/areas/methods/houseCredentials.ts'
import type { Schema } from '../../src/contract/lexicon/lexiconSet.ts'
import { sampler } from '../contract/lexicon.ts'
import { DEPRECATED_READS, KINDS, type Present, presenting, STATES } from '../support/authority.ts'
import { makeGrant } from '../support/grant.ts'
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

/** The error of a kind of credential that the row does not name, where it is not `InvalidToken`. */
const WITHOUT_ROW: Partial<Record<CredentialKind, string>> = { anyone: 'AuthMissing', grant: 'Forbidden' }

/** What the table says: the error, or `undefined` for a caller who is let in. */
const expected = (id: MethodId, kind: CredentialKind, state: State): string | undefined => {
  const { who, lenient }: Rule = policy[id]
  const declared = declaredErrors(definition(id))
  const seen = seenAs(policy[id], kind)
  const states = who[seen]
  if (lenient && who.anyone?.includes(state)) return undefined
  if (!states) return WITHOUT_ROW[seen] ?? 'InvalidToken'
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

const STATUS: Record<string, number> = {
  AuthMissing: 401,
  AccountDeactivated: 403,
  Forbidden: 403,
  ScopeMissingError: 403,
}
const NEVER_INSIDE = ['AuthMissing', 'AuthenticationRequired', 'AccountDeactivated', 'RepoDeactivated']

const JSON_TYPE = { 'content-type': 'application/json' }

/** Bodies that say what is needed of a grant: it is asked for after they were read. */
const bodies = ({ did }: World): Partial<Record<MethodId, object>> => {
  const repo = { repo: did, collection: 'app.bsky.feed.post' }
  return {
    'app.bsky.actor.putPreferences': { preferences: [] },
    'com.atproto.repo.applyWrites': {
      repo: did,
      writes: [{ $type: 'com.atproto.repo.applyWrites#delete', collection: repo.collection, rkey: 'a' }],
    },
    'com.atproto.repo.createRecord': { ...repo, record: {} },
    'com.atproto.repo.deleteRecord': { ...repo, rkey: 'a' },
    'com.atproto.repo.putRecord': { ...repo, rkey: 'a', record: {} },
    'com.atproto.repo.uploadBlob': {},
  }
}

/**
 * A procedure is sent without a body, as no typed client does: a caller who is let in fails there, and changes
 * nothing.
 */
const send = async (world: World, id: MethodId, present: Present, body?: BodyInit) => {
  const path = `/xrpc/${id}?${new URLSearchParams(params(world, id))}`
  const method = definition(id).type === 'procedure' ? 'POST' : 'GET'
  const headers = { ...(body !== undefined && JSON_TYPE), ...(await present(method, path)) }
  const response = await world.fetch(path, { method, headers, ...(body !== undefined && { body }) })
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
            const answer = await send(world, id, await presenting(world.account, kind))
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

  it('asks each grant for the scope that the row names, in every state in which the row opens', () =>
    inWorld({}, async (world) => {
      const missing: Record<string, string> = {}
      for (const id of METHODS) {
        const { who, grant, lenient }: Rule = policy[id]
        if (who.grant === undefined || grant === 'any' || lenient) continue
        for (const state of who.grant) {
          setState(world, state)
          const { headers } = await makeGrant(world.account, 'atproto')
          const body = bodies(world)[id]
          const answer = await send(world, id, headers, body && JSON.stringify(body))
          expect([id, state, answer.status, answer.error]).toEqual([id, state, 403, 'ScopeMissingError'])
          missing[id] = answer.message ?? ''
        }
      }
      const needed = Object.entries(missing).map(([id, message]) => [
        id,
        /^Missing required scope "(.*)"$/.exec(message)?.[1],
      ])
      const appView = `aud=did:web:api.example.com%23bsky_appview`
      expect(Object.fromEntries(needed)).toEqual({
        'app.bsky.actor.getPreferences': `rpc:app.bsky.actor.getPreferences?${appView}`,
        'app.bsky.actor.putPreferences': `rpc:app.bsky.actor.putPreferences?${appView}`,
        'com.atproto.identity.requestPlcOperationSignature': 'identity:*',
        'com.atproto.identity.signPlcOperation': 'identity:*',
        'com.atproto.identity.submitPlcOperation': 'identity:*',
        'com.atproto.identity.updateHandle': 'identity:handle',
        'com.atproto.repo.applyWrites': 'repo:app.bsky.feed.post?action=delete',
        'com.atproto.repo.createRecord': 'repo:app.bsky.feed.post?action=create',
        'com.atproto.repo.deleteRecord': 'repo:app.bsky.feed.post?action=delete',
        'com.atproto.repo.importRepo': 'account:repo?action=manage',
        'com.atproto.repo.putRecord': 'repo:app.bsky.feed.post?action=create',
        'com.atproto.repo.uploadBlob': 'blob:application/json',
        'com.atproto.server.deactivateAccount': 'account:status?action=manage',
        'com.atproto.server.getServiceAuth': `rpc:com.atproto.server.createAccount?aud=${TARGET_DID}`,
      })
    }))

  // Written out, because the matrix takes what it expects from the policy.
  it('opens to no grant what mints tokens, sees passwords, ends sessions, activates or deletes the account', () => {
    const closed = METHODS.filter((id) => policy[id].grant === 'never')
    expect(closed.filter((id) => !id.startsWith('com.cirrus.'))).toEqual([
      'com.atproto.server.activateAccount',
      'com.atproto.server.confirmEmail',
      'com.atproto.server.createAccount',
      'com.atproto.server.createAppPassword',
      'com.atproto.server.deleteSession',
      'com.atproto.server.getAccountInviteCodes',
      'com.atproto.server.listAppPasswords',
      'com.atproto.server.refreshSession',
      'com.atproto.server.requestAccountDelete',
      'com.atproto.server.requestEmailConfirmation',
      'com.atproto.server.requestEmailUpdate',
      'com.atproto.server.revokeAppPassword',
      'com.atproto.server.updateEmail',
      'com.atproto.temp.checkSignupQueue',
    ])
    const ours = METHODS.filter((id) => id.startsWith('com.cirrus.'))
    expect(ours.filter((id) => policy[id].grant !== 'never')).toEqual([])
  })

  it('names a scope, or says that none opens it, for each method', () => {
    for (const id of METHODS) {
      const { who, grant }: Rule = policy[id]
      const isOpen = Object.keys(who).join() === 'anyone'
      expect([id, who.grant !== undefined]).toEqual([id, !isOpen && grant !== 'never'])
    }
  })

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
