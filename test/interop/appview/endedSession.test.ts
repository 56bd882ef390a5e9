// Clients as people use them, unchanged, when their app password is revoked: none asks again and again, each says so.
/// <reference types="@atcute/atproto" />
import { Client, ok } from '@atcute/client'
import { PasswordSession as AtcuteSession } from '@atcute/password-session'
import { AtpAgent } from '@atproto/api'
import { Client as LexClient } from '@atproto/lex-client'
import { PasswordSession as LexSession } from '@atproto/lex-password-session'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { startPlcCirrus } from '../../../dev/account.ts'
import { connect } from '../../../src/client/index.ts'
import { startPlc, type PlcDirectory } from '../../support/plc.ts'

let plc: PlcDirectory
let cirrus: Awaited<ReturnType<typeof startPlcCirrus>>
let identifier: string
let password: string
/** The methods of the requests since the password was revoked, in order. */
let methods: string[] = []
const unwatched = globalThis.fetch

beforeAll(async () => {
  plc = await startPlc()
  cirrus = await startPlcCirrus({ plcUrl: plc.url, handle: 'alice.test' })
  identifier = cirrus.handle
  globalThis.fetch = (input, init) => {
    const request = new Request(input, init)
    methods.push(request.url.replace(/.*\./, ''))
    // Only an answer that is not compressed has a content-length, which is what @atcute/client looks at first.
    request.headers.set('accept-encoding', 'identity')
    return unwatched(request)
  }
})
afterAll(async () => {
  globalThis.fetch = unwatched
  await cirrus?.[Symbol.asyncDispose]()
  await plc?.close()
})

const admin = () =>
  connect(cirrus.url, { admin: { password: cirrus.adminPassword }, fetch: unwatched }).com.atproto.server
beforeEach(async () => {
  ;({ password } = await admin().createAppPassword({ name: 'phone' }))
})
const revoke = async () => {
  await admin().revokeAppPassword({ name: 'phone' })
  methods = []
}
const ONE_REFRESH = ['getSession', 'refreshSession']

it('@atproto/api', async () => {
  const events: string[] = []
  const agent = new AtpAgent({ service: cirrus.url, persistSession: (event) => void events.push(event) })
  await agent.login({ identifier, password })
  await revoke()
  await expect(agent.com.atproto.server.getSession()).rejects.toMatchObject({ error: 'ExpiredToken' })
  expect([agent.session, events, methods]).toEqual([undefined, ['create', 'expired'], ONE_REFRESH])
})

it('@atcute/client', async () => {
  const deleted: string[] = []
  const onDelete = ({ did }: { did: string }) => void deleted.push(did)
  const session = await AtcuteSession.login({ service: cirrus.url, identifier, password }, { onDelete })
  const client = new Client({ handler: session })
  await revoke()
  const call = () => ok(client.get('com.atproto.server.getSession', {}))
  await expect(call()).rejects.toMatchObject({ error: 'ExpiredToken' })
  expect([session.destroyed, deleted, methods]).toEqual([true, [cirrus.did], ONE_REFRESH])
  await expect(call()).rejects.toThrow()
  expect(methods).toEqual(ONE_REFRESH)
})

it('@atproto/lex-client', async () => {
  const deleted: string[] = []
  const session = await LexSession.login({
    service: cirrus.url,
    identifier,
    password,
    onDeleted: ({ did }) => void deleted.push(did),
  })
  const client = new LexClient(session)
  await revoke()
  const call = () => client.deleteRecord('app.bsky.feed.post', 'first')
  await expect(call()).rejects.toMatchObject({ error: 'ExpiredToken' })
  expect([session.destroyed, deleted, methods]).toEqual([
    true,
    [cirrus.did],
    ['deleteRecord', 'refreshSession'],
  ])
  await expect(call()).rejects.toThrow()
  expect(methods).toEqual(['deleteRecord', 'refreshSession'])
})

it('cirrus-pds/client', async () => {
  const told: unknown[] = []
  const client = await connect(cirrus.url, { onSession: (session) => void told.push(session) }).login({
    identifier,
    password,
  })
  await revoke()
  await expect(client.com.atproto.server.getSession()).rejects.toMatchObject({
    error: 'ExpiredToken',
    message: 'this session has ended; sign in again',
  })
  expect([client.session, told.slice(1), methods]).toEqual([undefined, [undefined], ONE_REFRESH])
})
