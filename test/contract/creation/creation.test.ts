/** Accounts that must not be made, at a server that looks, and at servers that each do one thing wrong. */
import { afterAll, describe, expect, it } from 'vitest'
import { creation } from '../../../src/contract/areas/creation.ts'
import { runContract } from '../../../src/contract/run.ts'
import { documents } from '../documents.ts'
import { othersOf, tableOf } from '../faults/table.ts'
import {
  answerOf,
  creationFaults,
  INVITE_CODE,
  MADE,
  refuse,
  type CreationFault,
  type Wanted,
} from './creationFaults.ts'

const CREATE = 'com.atproto.server.createAccount'

interface Server {
  /** Each request after the first account. */
  readonly answer: (wanted: Wanted) => Response
  readonly inviteCodeRequired?: boolean
  readonly throwAway?: boolean
}

/** Runs the area on a server that has made one account, and answers so from then on. */
async function run({ answer, inviteCodeRequired = true, throwAway = true }: Server) {
  const asked: Wanted[] = []
  /** Bodies that do not ask for an account: a request that only finds out whether the method is there has none. */
  const others: string[] = []
  let random = 0
  const respond = async (request: Request): Promise<Response> => {
    if (request.url.includes('describeServer'))
      return Response.json({ did: 'did:web:x', availableUserDomains: ['.pds.example'], inviteCodeRequired })
    if (!request.url.includes(CREATE)) return Response.json({ collections: [] })
    const text = await request.text()
    if (request.headers.get('content-type') !== 'application/json') {
      others.push(text)
      return refuse('InvalidRequest')
    }
    const wanted: Wanted = Object(JSON.parse(text))
    asked.push(wanted)
    return asked.length === 1 ? Response.json(MADE) : answer(wanted)
  }
  const report = await runContract({
    url: 'https://pds.example',
    lexicons: documents,
    kind: null,
    write: true,
    ...(throwAway ? { throwAway: { inviteCode: INVITE_CODE } } : {}),
    areas: [creation],
    // What else is wrong with it is not the matter.
    only: (subject) => subject === CREATE,
    deps: {
      fetch: async (request) => {
        const response = await respond(request)
        response.headers.set('access-control-allow-origin', '*')
        return response
      },
      WebSocket,
      now: () => 0,
      sleep: async () => {},
      random: (length) => new Uint8Array(length).fill(++random),
      signal: new AbortController().signal,
    },
  })
  const tried = report.findings.filter(({ rule }) => rule.id.startsWith('creation.'))
  const own = tried.map(({ rule, case: name, outcome }) => `${rule.id}, ${name}: ${outcome}`)
  const broken = new Set(
    report.findings.filter(({ outcome }) => outcome === 'broken').map(({ rule }) => rule.id),
  )
  return { report, own, broken, asked, others }
}

it('keeps the rules where each is refused by its name', async () => {
  const { own, broken, asked } = await run({ answer: answerOf })
  const attempts = asked.slice(1)
  expect(own).toEqual([
    'creation.taken-handle, a handle that is taken: kept',
    'creation.names, a handle that is taken: kept',
    'creation.foreign-domain, a handle of another domain: kept',
    'creation.names, a handle of another domain: kept',
    'creation.invite-code, a made-up invite code: kept',
    'creation.names, a made-up invite code: kept',
    'creation.foreign-did, a DID without a proof: kept',
  ])
  expect(broken).toEqual(new Set())
  // Each is wrong in one thing only.
  const handles = attempts.map(({ handle }) => String(handle))
  expect(handles.filter((handle) => !handle.endsWith('.pds.example'))).toHaveLength(1)
  expect(new Set(handles).size).toBe(4)
  expect(attempts.filter(({ inviteCode }) => inviteCode !== INVITE_CODE)).toHaveLength(1)
})

describe('a fault is found, by its rule and by no other', () => {
  const found: CreationFault[] = []
  afterAll(() => console.log(tableOf(found)))

  it.for(creationFaults)('$rule finds: $name', async (fault) => {
    const { broken } = await run(fault)
    expect(broken).toEqual(new Set([fault.rule, ...othersOf(fault)]))
    found.push(fault)
  })
})

it('asks with no made-up code where none is required', async () => {
  const { own } = await run({ answer: answerOf, inviteCodeRequired: false })
  expect(own.filter((line) => line.startsWith('creation.invite-code'))).toEqual([])
})

it('says of an account that was made all the same that it stays, and shows no token of it', async () => {
  const made = { ...MADE, handle: 'made.pds.example', accessJwt: 'a-secret-token' }
  const { own, report } = await run({ answer: () => Response.json(made) })
  expect(own.map((line) => line.split(': ')[1])).toEqual(['broken', 'broken', 'broken', 'broken'])
  expect(report.left.filter((line) => line.includes('made.pds.example'))).toHaveLength(4)
  for (const secret of ['a-secret-token', INVITE_CODE]) expect(JSON.stringify(report)).not.toContain(secret)
})

it('makes nothing without --throw-away', async () => {
  const { asked, others } = await run({ answer: answerOf, throwAway: false })
  expect([asked, others]).toEqual([[], ['']])
})
