/** What can be wrong with how a method reads its parameters, its body and its cursors, each with the rule that finds it. */
import { NOWHERE } from '../../../src/contract/discover.ts'
import { json, jsonAs, on, type Planted } from '../repository/spoil.ts'
import type { Call, Fault } from '../repository/world.ts'
import { bodyHas, despite, give, instead, isOfSession, readAs, refuse, saysJson } from './plant.ts'

const GET_HEAD = 'com.atproto.sync.getHead'
const STATUS = 'com.atproto.sync.getRepoStatus'
const JOURNAL = 'com.cirrus.admin.getJournal'
const UPDATE_EMAIL = 'com.atproto.server.updateEmail'
const CREATE = 'com.atproto.repo.createRecord'
const CREATE_SESSION = 'com.atproto.server.createSession'
const FENCE = 'com.cirrus.admin.fenceWrites'

const PARAMS = { also: ['params.house-name'], because: 'what is not refused has no name either' }
const BODIES = { also: ['bodies.house-name'], because: 'what is not refused has no name either' }

/** The own DID in place of what is not one. */
const lenientDid = (when: (did: string | null) => boolean): Fault =>
  on(GET_HEAD, (call, answer) =>
    call.verb === 'GET' && when(call.params.get('did')) ? call.again({ did: call.deployed.did }) : answer(),
  )

/** As a parser reads numbers that takes what it can. */
const lenientLimit = (when: (limit: string) => boolean, limit?: string): Fault =>
  readAs(JOURNAL, (params) => {
    const { limit: given, ...rest } = params
    if (given === undefined || !when(given)) return params
    return limit === undefined ? rest : { ...rest, limit }
  })

const done = (): Response => new Response(null, json({}))

/** Takes a body from the owner, and does nothing. */
const taken = (id: string, when: (call: Call) => boolean | Promise<boolean>, response = done): Fault =>
  instead(id, async (call) => call.verb === 'POST' && isOfSession(call) && (await when(call)), response)

const emailBody = (pattern: RegExp): Fault =>
  taken(UPDATE_EMAIL, async (call) => saysJson(call) && pattern.test(await call.body()))

export const requestFaults: readonly Planted[] = [
  {
    name: 'without an account, that of the server',
    rule: 'params.required',
    ...PARAMS,
    fault: lenientDid((did) => did === null),
  },
  {
    name: 'for no DID, that of the server',
    rule: 'params.format',
    ...PARAMS,
    fault: lenientDid((did) => did !== null && !did.startsWith('did:')),
  },
  {
    name: 'a word is no limit',
    rule: 'params.type',
    ...PARAMS,
    fault: lenientLimit((limit) => Number.isNaN(Number.parseInt(limit, 10))),
  },
  {
    name: 'a limit above the maximum is the maximum',
    rule: 'params.bounds',
    ...PARAMS,
    fault: lenientLimit((limit) => Number(limit) > 1000, '1000'),
  },
  {
    name: 'a limit of nothing is one',
    rule: 'params.bounds',
    ...PARAMS,
    fault: lenientLimit((limit) => Number(limit) < 1, '1'),
  },
  {
    name: 'a fraction is rounded',
    rule: 'params.strict',
    ...PARAMS,
    fault: lenientLimit((limit) => limit === '1.5', '1'),
  },
  {
    name: 'of two values, the last',
    rule: 'params.strict',
    ...PARAMS,
    fault: on(GET_HEAD, (call, answer) =>
      call.params.getAll('did').length > 1 ? call.again(Object.fromEntries(call.params)) : answer(),
    ),
  },
  {
    name: 'a missing parameter is told as a bad token',
    rule: 'params.house-name',
    fault: instead(
      GET_HEAD,
      ({ verb, params }) => verb === 'GET' && !params.has('did'),
      () => refuse(400, 'InvalidToken'),
    ),
  },
  {
    name: 'another default than the declared one',
    rule: 'params.default',
    fault: readAs(JOURNAL, (params) => ({ limit: '3', ...params })),
  },
  {
    name: 'unknown parameters are refused',
    rule: 'params.unknown-ignored',
    fault: instead(
      GET_HEAD,
      ({ params }) => params.has('contractSuiteUnknown'),
      () => refuse(),
    ),
  },
  {
    name: 'one item more than the limit',
    rule: 'paging.limit',
    also: ['paging.walk'],
    because: 'a page that is too long breaks off the walk',
    fault: readAs(JOURNAL, (params) => (params['limit'] === '1' ? { ...params, limit: '2' } : params)),
  },
  {
    name: 'the first item of a later page is left out',
    rule: 'paging.walk',
    fault: jsonAs(JOURNAL, ({ entries, ...more }: { entries: unknown[] }, params) =>
      params.has('cursor') && Number(params.get('limit')) < 4
        ? { ...more, entries: entries.slice(1) }
        : { ...more, entries },
    ),
  },
  {
    name: 'a later page begins with the last item of the one before',
    rule: 'paging.walk',
    fault: readAs('com.cirrus.admin.listBlobs', (params) => {
      const { cursor, ...rest } = params
      return cursor === undefined || Number(params['limit']) > 3 ? params : rest
    }),
  },
  {
    name: 'there is always another page',
    rule: 'paging.end',
    fault: jsonAs(JOURNAL, (given: object, params) =>
      Number(params.get('limit') ?? 100) < 4 ? given : { cursor: '2', ...given },
    ),
  },
  {
    name: 'a made-up cursor is not implemented',
    rule: 'paging.any-cursor',
    fault: instead(
      JOURNAL,
      ({ params }) => params.get('cursor') === 'contract-suite',
      () => refuse(501, 'MethodNotImplemented'),
    ),
  },
  {
    name: 'everybody has a repository here',
    rule: 'errors.absent-refused',
    also: ['errors.declared-name'],
    because: 'what is not refused has no name either',
    fault: despite(
      STATUS,
      ['RepoNotFound'],
      () => true,
      () => give({ did: NOWHERE.did, active: false }),
    ),
  },
  {
    name: 'an absent repository is a bad request',
    rule: 'errors.declared-name',
    fault: despite(
      STATUS,
      ['RepoNotFound'],
      () => true,
      () => refuse(),
    ),
  },
  {
    name: 'no address is an address',
    rule: 'bodies.required',
    ...BODIES,
    fault: emailBody(/^\{\}$/),
  },
  {
    name: 'a number is an address',
    rule: 'bodies.type',
    ...BODIES,
    fault: emailBody(/"email":42/),
  },
  {
    name: 'a list is an object',
    rule: 'bodies.type',
    ...BODIES,
    fault: emailBody(/^\[\]$/),
  },
  {
    name: 'any text names an account',
    rule: 'bodies.format',
    ...BODIES,
    fault: taken(CREATE, bodyHas('"repo":"not valid !"'), () =>
      give({ uri: `at://${NOWHERE.did}/com.example.contract/one`, cid: NOWHERE.cid }),
    ),
  },
  {
    name: 'writes are fenced off for longer than an hour',
    rule: 'bodies.bounds',
    ...BODIES,
    fault: instead(FENCE, bodyHas('"minutes":61'), () => give({})),
  },
  {
    name: 'JSON that is cut is read',
    rule: 'bodies.json',
    ...BODIES,
    fault: emailBody(/^\{"a":$/),
  },
  {
    name: 'text is taken for JSON',
    rule: 'bodies.encoding',
    ...BODIES,
    fault: taken(
      UPDATE_EMAIL,
      async (call) => call.headers.get('content-type') === 'text/plain' && (await call.body()) === '{}',
    ),
  },
  {
    name: 'a body without a type is taken for JSON',
    rule: 'bodies.content-type',
    ...BODIES,
    fault: taken(UPDATE_EMAIL, ({ headers }) => !headers.has('content-type')),
  },
  {
    name: 'bytes that are not UTF-8 are replaced',
    rule: 'bodies.utf8',
    ...BODIES,
    fault: emailBody(/\uFFFD/),
  },
  {
    name: 'unknown fields are refused',
    rule: 'bodies.unknown-fields',
    fault: instead(CREATE_SESSION, bodyHas('contractSuiteUnknown'), () => refuse()),
  },
  {
    name: 'a body where none is declared is taken',
    rule: 'bodies.none-declared',
    ...BODIES,
    fault: instead(
      'com.cirrus.admin.cancelPull',
      async ({ headers, body }) => headers.has('authorization') && (await body()).length === 100,
      done,
    ),
  },
  {
    name: 'a sign-in with text is one with a wrong password',
    rule: 'bodies.house-name',
    fault: instead(
      CREATE_SESSION,
      ({ headers }) => headers.get('content-type') === 'text/plain',
      () => refuse(401, 'AuthenticationRequired'),
    ),
  },
  {
    name: 'JSON that is cut is too large',
    rule: 'bodies.house-name',
    fault: instead(
      UPDATE_EMAIL,
      async (call) => isOfSession(call) && (await call.body()) === '{"a":',
      () => refuse(413, 'PayloadTooLarge'),
    ),
  },
]
