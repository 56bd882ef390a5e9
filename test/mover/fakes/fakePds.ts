import { randomUUID } from 'node:crypto'
import { verifySignature } from '@atproto/crypto'
import { encodeJson } from './tokens.ts'
import { fromBase64url } from '../../../src/crypto/base64url.ts'
import { FakeRepo, rawCid } from './fakeRepo.ts'
import { fakeKey } from './keys.ts'
import { json, refusal, type Sent } from './network.ts'
import { identityMethods } from './methods/identityMethods.ts'
import { repoMethods } from './methods/repoMethods.ts'
import { serverMethods } from './methods/serverMethods.ts'
import { syncMethods } from './methods/syncMethods.ts'
import {
  type FakeAccount,
  type FakeCall,
  type FakeMethod,
  type FakePds,
  type FakePdsOptions,
  type FakeSession,
  Refused,
} from './types.ts'

const REFRESHING = new Set(['com.atproto.server.refreshSession', 'com.atproto.server.deleteSession'])
const METHODS: Record<string, FakeMethod> = {
  ...serverMethods,
  ...syncMethods,
  ...repoMethods,
  ...identityMethods,
}

/** The issuer of a service token that is good for this method here. */
const serviceIssuer = async (pds: FakePds, token: string, method: string): Promise<string | undefined> => {
  const [head = '', claims = '', sig = ''] = token.split('.')
  const { iss, aud, lxm, exp } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<
    string,
    unknown
  >
  if (typeof iss !== 'string') return undefined
  if (Number(exp) * 1000 < pds.network.now()) throw new Refused(400, 'ExpiredToken', 'jwt expired')
  if (aud !== pds.serviceDid) throw new Refused(401, 'BadJwtAudience', 'jwt audience does not match')
  if (lxm !== method) throw new Refused(401, 'BadJwtLexiconMethod', 'bad jwt lexicon method')
  const key = pds.directory.data(iss)?.verificationMethods['atproto']
  const bytes = fromBase64url(sig)
  if (!key || !bytes || !(await verifySignature(key, new TextEncoder().encode(`${head}.${claims}`), bytes)))
    throw new Refused(401, 'BadJwtSignature', 'bad jwt signature')
  return iss
}

const authenticate = async (pds: FakePds, sent: Sent, method: string) => {
  const [, token] = /^Bearer (.+)$/.exec(sent.headers.get('authorization') ?? '') ?? []
  if (token === undefined) return {}
  const session = pds.sessions.get(token)
  if (!session) {
    let issuer
    try {
      issuer = await serviceIssuer(pds, token, method)
    } catch (cause) {
      if (cause instanceof Refused) throw cause
    }
    if (issuer === undefined) throw new Refused(400, 'InvalidToken', 'Token could not be verified')
    return { issuer, account: pds.accounts.get(issuer) }
  }
  if (session.expiresAt < pds.network.now()) throw new Refused(400, 'ExpiredToken', 'Token has expired')
  if ((session.kind === 'refresh') !== REFRESHING.has(method))
    throw new Refused(400, 'InvalidToken', 'Bad token scope')
  return { session, account: pds.accounts.get(session.did) }
}

/** Writes to one account, one after the other: a change of the tree takes several turns. */
const createTurns = () => {
  const turns = new Map<string, Promise<unknown>>()
  return <T>(did: string, work: () => Promise<T>): Promise<T> => {
    const turn = (turns.get(did) ?? Promise.resolve()).then(work, work)
    turns.set(did, turn)
    return turn
  }
}

/** A standard PDS in memory, which does what the reference does, its peculiarities included. */
export const createFakePds = async (options: FakePdsOptions): Promise<FakePds> => {
  const { network, directory, origin } = options
  const inTurn = createTurns()
  const write: FakePds['write'] = async (account, records) => {
    for (const [path, record] of Object.entries(records)) {
      await account.repo.put(path, record)
      for (const cid of account.repo.records.get(path)?.blobs ?? [])
        account.references.set(cid, `at://${account.did}/${path}`)
    }
    // A write, unlike an import, removes the references of what it deletes.
    const kept = account.repo.blobs
    for (const cid of account.references.keys()) if (!kept.has(cid)) account.references.delete(cid)
    await account.repo.commit(account.signingKey, network.now())
  }
  const pds: FakePds = {
    origin,
    serviceDid: options.serviceDid ?? `did:web:${new URL(origin).host.replace(':', '%3A')}`,
    options,
    network,
    directory,
    rotationKey: await fakeKey(`rotation of ${origin}`),
    accounts: new Map(),
    sessions: new Map(),
    hooks: [],
    calls: new Map(),
    gone: false,
    find: (identifier) =>
      [...pds.accounts.values()].find(({ did, handle }) => did === identifier || handle === identifier),
    addAccount(given) {
      const account: FakeAccount = {
        email: `${given.handle}@mail.example`,
        repo: new FakeRepo(given.did),
        blobs: new Map(),
        references: new Map(),
        preferences: [],
        plcCode: undefined,
        deletionCode: undefined,
        factorCode: undefined,
        appPasswords: new Set(),
        ...given,
      }
      pds.accounts.set(given.did, account)
      return account
    },
    write: (account, records) => inTurn(account.did, () => write(account, records)),
    putBlob(account, bytes, mimeType = 'image/png') {
      const cid = rawCid(bytes).toString()
      account.blobs.set(cid, { bytes, mimeType })
      return cid
    },
    openSession({ did }, app = false) {
      const lifeMs = options.accessTokenMs ?? 2 * 3600_000
      const open = (kind: FakeSession['kind'], ms: number) => {
        const expiresAt = network.now() + ms
        const token = `${encodeJson({ alg: 'none' })}.${encodeJson({ exp: Math.floor(expiresAt / 1000), kind })}.${randomUUID()}`
        pds.sessions.set(token, { did, kind, expiresAt, app })
        return token
      }
      return { accessJwt: open('access', lifeMs), refreshJwt: open('refresh', 90 * 86_400_000) }
    },
  }

  const answer = async (sent: Sent): Promise<Response> => {
    const { pathname, searchParams } = sent.url
    if (pathname === '/.well-known/did.json')
      return json({
        '@context': ['https://www.w3.org/ns/did/v1'],
        id: pds.serviceDid,
        service: [{ id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: origin }],
      })
    const method = pathname.replace('/xrpc/', '')
    if (method === '_health') return json({ version: '0.5.35' })
    pds.calls.set(method, (pds.calls.get(method) ?? 0) + 1)
    const run = METHODS[method]
    const base = {
      pds,
      method,
      sent,
      params: searchParams,
      input: () => JSON.parse(new TextDecoder().decode(sent.bytes) || '{}') as Record<string, unknown>,
    }
    let call: FakeCall = { ...base, account: undefined, session: undefined, issuer: undefined }
    try {
      for (const { before } of pds.hooks) {
        const instead = await before?.(call)
        if (instead) return instead
      }
      if (!run) return refusal(501, 'MethodNotImplemented', 'Method Not Implemented')
      call = { ...call, ...(await authenticate(pds, sent, method)) }
      let given = await run(call)
      for (const { after } of pds.hooks) given = (await after?.(call, given)) ?? given
      return given
    } catch (cause) {
      if (cause instanceof Refused) return cause.response
      throw cause
    }
  }
  network.add(origin, (sent) => {
    if (pds.gone) throw new TypeError(`fetch failed: ${origin} does not answer`)
    return answer(sent)
  })
  // The handles of its accounts resolve to it.
  network.wildcards.push(({ url }) => {
    if (pds.gone || url.pathname !== '/.well-known/atproto-did') return undefined
    const account = [...pds.accounts.values()].find(({ handle }) => handle === url.hostname)
    if (!account || directory.data(account.did)?.services['atproto_pds']?.endpoint !== origin)
      return undefined
    return new Response(account.did, { headers: { 'content-type': 'text/plain' } })
  })
  return pds
}
