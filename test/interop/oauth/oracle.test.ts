// A few hundred requests to the authorization server, of Cirrus and of the reference: the answers are the same, but for
// the differences that oracle/differences.ts gives reasons for.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createDpopClient } from '../../account/oauth/support/dpopClient.ts'
import { type Ask, type Asked, type Context, goodProof, post } from './oracle/asked.ts'
import { DIFFERENCES, differenceFor } from './oracle/differences.ts'
import { grants } from './oracle/grants.ts'
import { documents, methods, revocations, tokens } from './oracle/others.ts'
import { par } from './oracle/par.ts'
import { assertions, proofs } from './oracle/proofs.ts'
import { type Answer, send } from './oracle/send.ts'
import { CLIENT_ORIGIN } from './support/clientHost.ts'
import { type Server, startWorld, type World } from './support/world.ts'

/** It signs in thirty times and more, and each costs the reference half a second. */
const WATCHDOG = { timeout: 600_000 }

let world: World
let ours: Context
let theirs: Context

const contextOf = async (server: Server): Promise<Context> => {
  const { url } = server
  const context: Context = {
    server,
    url,
    fetch: world.fetch,
    nonce: '',
    clientOrigin: CLIENT_ORIGIN,
    publish: (path, document) => {
      world.clients.publish(path, document)
      return `${CLIENT_ORIGIN}${path}`
    },
    key: await createDpopClient({ now: Date.now, origin: url }),
  }
  const proof = await goodProof(context, '/oauth/token')
  await send(await post(context, 'the first nonce', '/oauth/token', {}, { proof }), context)
  return context
}

beforeAll(async () => {
  world = await startWorld({ publicNames: true })
  ours = await contextOf(world.servers.cirrus)
  theirs = await contextOf(world.servers.reference)
})
afterAll(() => world?.[Symbol.asyncDispose]())

const FIELDS = [
  'status',
  'body',
  'cache',
  'nonce',
  'cors',
  'authenticate',
] as const satisfies (keyof Answer)[]

interface Row {
  kind: string
  ours: Answer
  theirs: Answer
}

const ask = async (request: Ask): Promise<Row> => {
  const [mine, other] = [await request(ours), await request(theirs)]
  const a = await send(mine, ours)
  const b = await send(other, theirs)
  return { kind: mine.kind, ours: a.answer, theirs: b.answer }
}

/** So many are made at once: what they sign is valid for a minute, and a busy machine takes its time. */
const AT_ONCE = 40

/** The requests that are made beforehand for each server, in the same order. */
const askAll = async (make: (context: Context) => Promise<Asked[]>): Promise<Row[]> => {
  const rows: Row[] = []
  for (let from = 0; ; from = rows.length) {
    const [mine, other] = [await make(ours), await make(theirs)]
    if (from >= mine.length) return rows
    for (const [n, request] of mine.slice(from, from + AT_ONCE).entries()) {
      const same = other[from + n] ?? request
      rows.push(await ask((context) => (context === ours ? request : same)))
    }
  }
}

/** Each member of a document that both publish of themselves. */
const membersOf = async (path: string): Promise<Row[]> => {
  const read = async ({ url }: Context): Promise<Map<string, unknown>> => {
    const text = await (await world.fetch(`${url}${path}`)).text()
    return new Map(Object.entries(JSON.parse(text.replaceAll(url, 'ORIGIN')) as object)) // the documents are objects
  }
  const [mine, other] = [await read(ours), await read(theirs)]
  const row = (value: unknown): Answer => ({
    status: '',
    body: JSON.stringify(value) ?? 'absent',
    cache: '',
    nonce: 'none',
    cors: '',
    authenticate: '',
  })
  return [...new Set([...mine.keys(), ...other.keys()])].map((name) => ({
    kind: `member: ${name} of ${path}`,
    ours: row(mine.get(name)),
    theirs: row(other.get(name)),
  }))
}

it('answers a few hundred requests as the reference does, except as listed', WATCHDOG, async () => {
  const rows = [
    ...(await membersOf('/.well-known/oauth-authorization-server')),
    ...(await membersOf('/.well-known/oauth-protected-resource')),
  ]
  for (const request of [...documents, ...methods, ...par, ...tokens, ...revocations, ...grants])
    rows.push(await ask(request))
  rows.push(...(await askAll(proofs)), ...(await askAll(assertions)))

  const hit = new Map<string, number>()
  const unknown: string[] = []
  for (const row of rows)
    for (const field of FIELDS) {
      if (row.ours[field] === row.theirs[field]) continue
      const difference = differenceFor(row.kind, field, row.ours, row.theirs)
      if (difference) hit.set(difference.reason, (hit.get(difference.reason) ?? 0) + 1)
      else unknown.push(`${row.kind} | ${field} | ours ${row.ours[field]} | theirs ${row.theirs[field]}`)
    }
  const kinds = Map.groupBy(rows, ({ kind }) => kind.split(':')[0] ?? '')
  console.table(
    [...kinds].map(([kind, of]) => ({
      kind,
      requests: of.length,
      'same in all': of.filter((row) => FIELDS.every((field) => row.ours[field] === row.theirs[field]))
        .length,
    })),
  )
  console.table(DIFFERENCES.map(({ reason }) => ({ answers: hit.get(reason) ?? 0, reason })))
  expect(unknown.join('\n')).toBe('')
  expect(DIFFERENCES.map(({ reason }) => reason).filter((reason) => !hit.has(reason))).toEqual([])
  expect(rows.length).toBeGreaterThan(600)
})
