import { Secret } from '../../src/crypto/secret.ts'
import { createGenesis } from '../../src/plc/build.ts'
import { operationCid } from '../../src/plc/cid.ts'
import { loadRotationKey } from '../../src/signing/keys.ts'
import { VERSION } from '../../src/version.ts'
import type { Status } from '../../src/cli/servers/status.ts'
import { pds, type Ran, type RunOptions } from './support.ts'

export const DID = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
export const HOST = 'alice.example.com'
const KEY = 'did:key:zQ3shnFYs7Xgs9uFPHfRNCw4EV53UGutJJg5EDW9hrrzMw46R'
const RECOVERY = 'did:key:zQ3shTmj4FXn9ZqxBjGkzfvhB9Bbshmrz9bGbL8Ag9dTNLvgs'

/** An active account. Times and keys are fixed, so that snapshots do not change. */
export const status = (changes: Partial<Status> = {}): Status => ({
  did: DID,
  handle: HOST,
  active: true,
  state: 'active',
  identity: {
    pds: `https://${HOST}`,
    signingKey: KEY,
    rotationKeys: [RECOVERY, KEY],
    head: 'bafyreics4vcrrrjdvmx26323vuz4hyhlrjdf3stqag7fbqg2xazkpczm2q',
    movedAway: false,
    recoverable: true,
  },
  repo: {
    rev: '3n2vjx2vlms22',
    commit: 'bafyreibfqglqbe4vepmnmtirec324no5axxjttfqyaympwauj5n4cuvffm',
    records: 1234,
    blocks: 2345,
  },
  blobs: { expected: 56, stored: 55 },
  versions: { program: VERSION, schema: 7 },
  unsubmitted: [],
  journal: [{ at: '2026-11-22T10:00:00.000Z', event: 'activate', detail: {} }],
  next: 'All is well: nothing to do.',
  ...changes,
})

export const TOKEN = 'eyJhbGciOiJFUzI1NksifQ.eyJpc3MiOiJ4In0.c2lnbmF0dXJl'

type FakeAnswer = object | ((body: unknown) => object) | Response

/** A server with fixed answers, for tests of what the user sees. */
export interface Fake {
  fetch: typeof fetch
  /** The calls, in order, each with its JSON body if it has one. */
  calls: { method: string; origin: string; body: unknown; authorization: string | null }[]
}

/** Answers by method id, or by origin and method id. A `Response` is an error. */
export const fake = (answers: Record<string, FakeAnswer> = {}): Fake => {
  const calls: Fake['calls'] = []
  const known: Record<string, FakeAnswer> = {
    'com.cirrus.admin.getStatus': status(),
    'com.atproto.server.describeServer': { did: `did:web:${HOST}`, availableUserDomains: [] },
    'com.cirrus.admin.createMigrationToken': (body) => ({
      token: TOKEN,
      jti: '00112233445566778899aabbccddeeff',
      audience: Reflect.get(Object(body), 'audience') ?? `did:web:${HOST}`,
      scope: Reflect.get(Object(body), 'scope') ?? [
        'repo:read',
        'blob:read',
        'preferences:read',
        'account:create',
        'plc:sign',
      ],
      expiresAt: '2026-11-22T10:15:00.000Z',
    }),
    ...answers,
  }
  return {
    calls,
    fetch: async (input, init) => {
      const url = new URL(String(input))
      const method = url.pathname.replace('/xrpc/', '')
      const text = init?.body === undefined || init.body === null ? '' : String(init.body)
      const body: unknown = text.startsWith('{') ? JSON.parse(text) : undefined
      calls.push({
        method,
        origin: url.origin,
        body,
        authorization: new Headers(init?.headers).get('authorization'),
      })
      const found = known[`${url.origin} ${method}`] ?? known[method]
      if (found === undefined) return error(501, 'MethodNotImplemented', method)
      if (found instanceof Response) return new Response(await found.clone().text(), found)
      return Response.json(typeof found === 'function' ? found(body) : found)
    },
  }
}

/** The answer of a server that refuses. */
export const error = (
  status: number,
  name: string,
  message: string,
  headers: Record<string, string> = {},
): Response => Response.json({ error: name, message }, { status, headers })

/** Runs `pds` against the server, at a fixed time. */
export const against = (server: Fake, args: readonly string[], options: RunOptions = {}): Promise<Ran> =>
  pds([...args, '--host', HOST], {
    fetch: server.fetch,
    now: () => Date.parse('2026-11-22T10:00:00Z'),
    ...options,
    env: { ADMIN_PASSWORD: 'admin-canary', ADMIN_PASSWORD_HOST: HOST, ...options.env },
  })

/** An account whose log the PLC directory has, as the answer of a fake: its DID names this PDS. */
export const plcAccount = async (pds: string): Promise<{ did: string; answers: Record<string, object> }> => {
  const key = await loadRotationKey(new Secret('11'.repeat(32)))
  const genesis = await createGenesis(key, {
    recoveryKeys: [],
    signingKey: key.did,
    handle: HOST,
    endpoint: pds,
  })
  const { did, operation } = genesis
  const cid = await operationCid(operation)
  const log = [{ did, cid, operation, nullified: false, createdAt: '2026-11-01T00:00:00.000Z' }]
  return { did, answers: { [`https://plc.directory /${encodeURIComponent(did)}/log/audit`]: log } }
}
