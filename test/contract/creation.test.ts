/** Accounts that must not be made, at servers that look and at one that does not. */
import { expect, it } from 'vitest'
import { creation } from '../../src/contract/areas/creation.ts'
import { runContract } from '../../src/contract/run.ts'
import { readSchemas } from '../../src/generated/lexicons.ts'

const ACCOUNT = {
  did: 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb',
  handle: 'contract-00000000.pds.example',
  accessJwt: 'an-access-token',
  refreshJwt: 'a-refresh-token',
}
const CREATE = 'com.atproto.server.createAccount'

/** Runs the area on a server that answers each request after the first account so. */
async function run(answer: (body: Record<string, unknown>) => Response, inviteCodeRequired = true) {
  const asked: Record<string, unknown>[] = []
  let random = 0
  const report = await runContract({
    url: 'https://pds.example',
    lexicons: readSchemas(),
    kind: null,
    write: true,
    throwAway: { inviteCode: 'the-real-code' },
    areas: [creation],
    onlyRules: ({ id }) => id.startsWith('creation.'),
    deps: {
      fetch: async (request) => {
        if (request.url.includes('describeServer'))
          return Response.json({
            did: 'did:web:x',
            availableUserDomains: ['.pds.example'],
            inviteCodeRequired,
          })
        if (!request.url.includes(CREATE) || request.headers.get('content-type') !== 'application/json')
          return Response.json({ collections: [] })
        const body: Record<string, unknown> = Object(await request.json())
        asked.push(body)
        return asked.length === 1 ? Response.json(ACCOUNT) : answer(body)
      },
      WebSocket,
      now: () => 0,
      sleep: async () => {},
      random: (length) => new Uint8Array(length).fill(++random),
      signal: new AbortController().signal,
    },
  })
  const own = report.findings.map(({ rule, case: name, outcome }) => `${rule.id}, ${name}: ${outcome}`)
  return { report, own, asked: asked.slice(1) }
}

const refuse = (error: string, message = 'no') => Response.json({ error, message }, { status: 400 })

it('keeps the rules where each is refused by its name', async () => {
  const { own, asked } = await run(({ handle, inviteCode, did }) => {
    if (did !== undefined) return Response.json({ error: 'AuthMissing', message: 'no' }, { status: 401 })
    if (inviteCode !== 'the-real-code') return refuse('InvalidInviteCode')
    return refuse(handle === ACCOUNT.handle ? 'HandleNotAvailable' : 'UnsupportedDomain')
  })
  expect(own).toEqual([
    'creation.taken-handle, a handle that is taken: kept',
    'creation.names, a handle that is taken: kept',
    'creation.foreign-domain, a handle of another domain: kept',
    'creation.names, a handle of another domain: kept',
    'creation.invite-code, a made-up invite code: kept',
    'creation.names, a made-up invite code: kept',
    'creation.foreign-did, a DID without a proof: kept',
  ])
  // Each is wrong in one thing only.
  const handles = asked.map(({ handle }) => String(handle))
  expect(handles.filter((handle) => !handle.endsWith('.pds.example'))).toHaveLength(1)
  expect(new Set(handles).size).toBe(4)
  expect(asked.filter(({ inviteCode }) => inviteCode !== 'the-real-code')).toHaveLength(1)
})

it('asks with no made-up code where none is required', async () => {
  const { own } = await run(() => refuse('InvalidRequest'), false)
  expect(own.some((line) => line.startsWith('creation.invite-code'))).toBe(false)
  expect(
    own.filter((line) => line.startsWith('creation.names')).every((line) => line.endsWith('broken')),
  ).toBe(true)
})

it('says of an account that was made all the same that it stays, and shows no token of it', async () => {
  const made = { ...ACCOUNT, handle: 'made.pds.example', accessJwt: 'a-secret-token' }
  const { own, report } = await run(() => Response.json(made))
  expect(own.map((line) => line.split(': ')[1])).toEqual(['broken', 'broken', 'broken', 'broken'])
  expect(report.left.filter((line) => line.includes('made.pds.example'))).toHaveLength(4)
  for (const secret of ['a-secret-token', 'the-real-code'])
    expect(JSON.stringify(report)).not.toContain(secret)
})

it('makes nothing without --throw-away', async () => {
  const called: string[] = []
  await runContract({
    url: 'https://pds.example',
    lexicons: readSchemas(),
    kind: null,
    write: true,
    areas: [creation],
    deps: {
      fetch: async (request) => {
        if (request.url.includes(CREATE)) called.push(await request.text())
        return Response.json({})
      },
      WebSocket,
      now: () => 0,
      sleep: async () => {},
      random: (length) => new Uint8Array(length),
      signal: new AbortController().signal,
    },
  })
  // What finds out whether the method is there.
  expect(called).toEqual([''])
})
