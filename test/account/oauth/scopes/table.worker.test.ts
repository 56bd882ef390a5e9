/** Which scope opens what, in workerd. test/interop/oauth/scopes.test.ts asks the reference PDS the same. */
import { describe, expect, it } from 'vitest'
import { inWorld, type World } from '../../../handlers/support/world.ts'
import { makeGrant } from '../../../support/grant.ts'
import {
  APP_VIEW_DID,
  initOf,
  isOpen,
  SCOPE_NAMES,
  SCOPE_TABLE,
  type ScopeName,
  type ScopeRequest,
  SCOPES,
} from '../support/scopeTable.ts'

const APP_VIEW_HOST = 'api.bsky.app'

const inTable = (work: (world: World) => Promise<void>): Promise<void> =>
  inWorld({ env: { APPVIEW: `https://${APP_VIEW_HOST} ${APP_VIEW_DID}` } }, async (world) => {
    world.hosts.set(APP_VIEW_HOST, () => Response.json({ value: { did: 'did:web:feeds.example' } }))
    await work(world)
  })

const ask = async (world: World, scope: string, request: ScopeRequest) => {
  const grant = await makeGrant(world.account, scope)
  const path = `/xrpc/${request.path}`
  const init = initOf(request)
  const headers = new Headers(init.headers)
  for (const [name, value] of Object.entries(await grant.headers(init.method ?? 'GET', path)))
    headers.set(name, value)
  const answer = await world.fetch(path, { ...init, headers })
  const body = await answer.arrayBuffer()
  const { error, message } = answer.ok ? {} : Object(JSON.parse(new TextDecoder().decode(body)))
  return { status: answer.status, error: error as string | undefined, message: message as string | undefined }
}

describe('an app whose grant has a scope', () => {
  it.each(SCOPE_TABLE)('is let in only where it opens what is asked for: $name', (row) =>
    inTable(async (world) => {
      const opened: ScopeName[] = []
      for (const name of SCOPE_NAMES) {
        const { status, error } = await ask(world, `atproto ${SCOPES[name]}`, row.request(world))
        expect([name, error]).not.toEqual([name, 'InternalServerError'])
        if (isOpen(status, error)) opened.push(name)
      }
      expect(opened.toSorted()).toEqual((row.openTo === 'all' ? SCOPE_NAMES : row.openTo).toSorted())
    }),
  )

  it('is told which scope it lacks, the first that does, and what no scope opens', () =>
    inTable(async (world) => {
      const missing = async (scope: string, request: ScopeRequest) =>
        (await ask(world, scope, request)).message ?? ''
      const rows = Object.fromEntries(SCOPE_TABLE.map((row) => [row.name, row.request(world)]))
      const nothing = (name: string) => missing('atproto', rows[name] ?? { path: '' })
      expect(await nothing('a post is created')).toBe(
        'Missing required scope "repo:app.bsky.feed.post?action=create"',
      )
      expect(await nothing('a text is uploaded')).toBe('Missing required scope "blob:text/plain"')
      expect(await nothing('the timeline is read')).toBe(
        'Missing required scope "rpc:app.bsky.feed.getTimeline?aud=did:web:api.bsky.app%23bsky_appview"',
      )
      expect(await nothing('the handle is changed')).toBe('Missing required scope "identity:handle"')
      expect(await nothing('a repository is imported')).toBe(
        'Missing required scope "account:repo?action=manage"',
      )
      expect(
        await missing(
          'atproto repo:*?action=create',
          rows['a post is created and a note deleted'] ?? { path: '' },
        ),
      ).toBe('Missing required scope "repo:com.example.note?action=delete"')
      expect(await nothing('app passwords are listed')).toContain('does not open this')
    }))

  it('learns the e-mail address only with the scope for it', () =>
    inWorld({ env: { EMAIL: 'alice@example.com' } }, async (world) => {
      const emailFor = async (scope: string): Promise<unknown> => {
        const { headers } = await makeGrant(world.account, scope)
        const path = '/xrpc/com.atproto.server.getSession'
        return Object(await (await world.fetch(path, { headers: await headers('GET', path) })).json()).email
      }
      expect(await emailFor('atproto')).toBeUndefined()
      expect(await emailFor('atproto transition:generic identity:* account:repo')).toBeUndefined()
      expect(await emailFor('atproto account:email')).toBe('alice@example.com')
      expect(await emailFor('atproto transition:email')).toBe('alice@example.com')
    }))
})
