/**
 * The authority table, cell by cell: every kind of credential on every method in every state of the account, each as a
 * real request. The expected answers follow from policy.ts and the lexicons.
 */
import { expect, it } from 'vitest'
import { seenAs } from '../../src/contract/areas/methods/houseCredentials.ts'
import { policyOf } from '../../src/contract/areas/methods/policyOf.ts'
import { createAsking, type Answer, type Ask, type Asking } from '../../src/contract/ask.ts'
import { discover, NOWHERE, type Known } from '../../src/contract/discover.ts'
import type { Method } from '../../src/contract/lexicon/lexiconSet.ts'
import { readSchemas } from '../../src/generated/lexicons.ts'
import type { MethodId } from '../../src/generated/methods.ts'
import { policy, type CredentialKind, type Rule, type State } from '../../src/policy.ts'
import { DEPRECATED_READS, KINDS, type Present, presenting, STATES } from '../support/authority.ts'
import { CREDENTIALS, ADMIN, deploy, ORIGIN, type Deployed } from './deployed.ts'
import { methods, sampler } from './lexicon.ts'

type Presents = Record<CredentialKind, Present>

const credentials = ({ inside }: Deployed): Promise<Presents> =>
  inside(async ({ account }) => {
    const presents = KINDS.map(async (kind) => [kind, await presenting(account, kind)])
    // One for each kind; the type of `fromEntries` does not say so.
    return Object.fromEntries(await Promise.all(presents)) as Presents
  })

/** The row of a method, which each has. */
const rowOf = (id: string): Rule => {
  const row = policyOf(id)
  if (!row) throw new Error(`no policy for ${id}`)
  return row
}

/** Brings the account into the next state, as its owner would. */
const enter: Record<State, (deployed: Deployed) => Promise<void>> = {
  absent: async () => {},
  active: async ({ call }) => void (await call('com.atproto.server.activateAccount', { auth: ADMIN })),
  deactivated: async ({ call }) =>
    void (await call('com.atproto.server.deactivateAccount', { auth: ADMIN, body: {} })),
  moved: async ({ call, inside, directory, did }) => {
    await call('com.atproto.server.activateAccount', { auth: ADMIN })
    const operation = await inside(async ({ account }) => {
      const { data, cid } = await account.identity.directory.head(did)
      if (!data) throw new Error('the DID is gone')
      const services = {
        atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: 'https://new.example.com' },
      }
      return account.rotationKey.signOperation({ type: 'plc_operation', ...data, services, prev: cid })
    })
    await directory.add(did, operation)
    await call('com.cirrus.admin.getStatus', { auth: ADMIN })
  },
  deleted: async ({ call, did }) =>
    void (await call('com.cirrus.admin.deleteAccount', {
      auth: ADMIN,
      body: { did, confirmHandle: CREDENTIALS.identifier },
    })),
}

/**
 * A request that is complete for a query. For a procedure its body is refused right after the check of authority, so that
 * a thousand of them change nothing.
 */
const request = async (method: Method, known: Known, present: Present): Promise<Ask> => {
  const verb = method.kind === 'query' ? 'GET' : 'POST'
  return {
    verb,
    query: sampler.query(method, known),
    headers: {
      ...(method.kind === 'procedure' ? { 'content-type': '!' } : {}),
      ...(await present(verb, `/xrpc/${method.id}`)),
    },
    ...(method.kind === 'procedure' ? { body: 'not what any method takes' } : {}),
  }
}

const messageOf = ({ json }: Answer): string => String(Object(json).message)

const behindTheDoor = (answer: Answer): boolean =>
  answer.error === 'InvalidRequest' &&
  /^(Content-Type: expected|A request body was provided when none)/.test(messageOf(answer))

const NO = [
  'AuthMissing',
  'InvalidToken',
  'AuthenticationRequired',
  'AccountDeactivated',
  'RepoDeactivated',
  'Forbidden',
]

const letIn = (method: Method, answer: Answer): boolean =>
  method.kind === 'procedure'
    ? behindTheDoor(answer)
    : answer.status === 200 || !NO.includes(answer.error ?? '')

/** The error of a cell that the policy denies. */
function refusal({ id, errors }: Method, kind: CredentialKind, state: State): string {
  const rule = rowOf(id)
  if (rule.who[kind] === undefined) {
    if (kind === 'grant') return 'Forbidden'
    return kind === 'anyone' ? 'AuthMissing' : 'InvalidToken'
  }
  if (state === 'absent' || state === 'deleted')
    return errors.includes('RepoNotFound') || DEPRECATED_READS.includes(id)
      ? 'RepoNotFound'
      : 'InvalidRequest'
  if (state === 'active') return 'InvalidRequest'
  if (state === 'moved' || kind !== 'anyone') return 'AccountDeactivated'
  return 'RepoDeactivated'
}

interface Cell {
  method: Method
  kind: CredentialKind
  state: State
}

const isOpen = ({ method, kind, state }: Cell): boolean => {
  const rule = rowOf(method.id)
  const isOpenTo = (kind: CredentialKind) => rule.who[kind]?.includes(state) ?? false
  return isOpenTo(seenAs(rule, kind)) || (rule.lenient === true && isOpenTo('anyone'))
}

/** What is wrong with a cell, if anything. */
async function problem(
  ask: Asking,
  cell: Cell,
  presents: Presents,
  known: Known,
): Promise<string | undefined> {
  const { method, kind, state } = cell
  const answer = await ask(method.id, await request(method, known, presents[kind]))
  const got = `${answer.status} ${answer.error ?? ''} ${answer.error ? messageOf(answer) : ''}`
  const name = `${state}: ${kind} on ${method.id}`
  if (answer.status === 500) return `${name}: ${got}`
  if (isOpen(cell)) return letIn(method, answer) ? undefined : `${name} should be let in: ${got}`
  const expected = refusal(method, seenAs(rowOf(method.id), kind), state)
  const refused = answer.error === expected && !behindTheDoor(answer)
  return refused ? undefined : `${name} should be ${expected}: ${got}`
}

const subscriptions = readSchemas()
  .filter(({ id, defs }) => id in policy && defs.main?.type === 'subscription')
  .map(({ id }) => id as MethodId) // in the policy, so a method

/** The cell of a subscription: the handshake is accepted exactly where the policy allows anyone. */
async function subscriptionProblem(
  deployed: Deployed,
  id: MethodId,
  kind: CredentialKind,
  state: State,
  present: Present,
): Promise<string[]> {
  const headers = { upgrade: 'websocket', ...(await present('GET', `/xrpc/${id}`)) }
  const answer = await deployed.fetch(new Request(`${ORIGIN}/xrpc/${id}`, { headers }))
  const socket = answer.webSocket
  socket?.accept()
  socket?.close(1000)
  const rule: Rule = policy[id]
  const open = rule.who.anyone?.includes(state) ?? false
  const taken = answer.status === 101 && socket !== null
  return taken === open
    ? []
    : [`${state}: ${kind} on ${id} should be ${open ? 'open' : 'refused'}: ${answer.status}`]
}

it('holds in every cell', async () => {
  const deployed = await deploy({ active: false })
  const ask = createAsking({
    origin: ORIGIN,
    send: deployed.fetch,
    redact: (text) => text,
    userAgent: 'test',
  })
  const problems: string[] = []
  let cells = 0
  const seen: State[] = []
  for (const state of STATES) {
    await enter[state](deployed)
    seen.push(await deployed.inside(({ account }) => account.state()))
    const presents = await credentials(deployed)
    const { known } =
      state === 'absent' ? { known: { ...NOWHERE, did: deployed.did } } : await discover(ask, deployed.did)
    for (const method of methods)
      for (const kind of KINDS) {
        cells += 1
        problems.push(
          ...[await problem(ask, { method, kind, state }, presents, known)].filter(
            (text) => text !== undefined,
          ),
        )
      }
    for (const id of subscriptions)
      for (const kind of KINDS) {
        cells += 1
        problems.push(...(await subscriptionProblem(deployed, id, kind, state, presents[kind])))
      }
    // No request that was allowed has changed the state.
    expect(await deployed.inside(({ account }) => account.state())).toBe(state)
  }
  expect(seen).toEqual(STATES)
  expect(problems.join('\n')).toBe('')
  expect(cells).toBe(Object.keys(policy).length * KINDS.length * STATES.length)
})
