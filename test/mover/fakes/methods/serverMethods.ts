import { createHash } from 'node:crypto'
import { didOf, signOperation } from '../directory.ts'
import { type FakeAccount, type FakeCall, type FakeMethod, type FakePds, Refused } from '../types.ts'
import { fakeKey } from '../keys.ts'
import { json } from '../network.ts'
import { signServiceToken } from '../tokens.ts'
import { needsAccount } from './needs.ts'

const sessionOf = ({ pds }: FakeCall, account: FakeAccount, app = false) => ({
  did: account.did,
  handle: account.handle,
  email: account.email,
  emailConfirmed: true,
  active: account.active,
  ...(account.active ? {} : { status: 'deactivated' }),
  ...pds.openSession(account, app),
})

/** Whether the DID names this server and the key of the account here. */
const isValidDid = ({ pds }: FakeCall, account: FakeAccount): boolean => {
  const data = pds.directory.data(account.did)
  return (
    data?.services['atproto_pds']?.endpoint === pds.origin &&
    data.verificationMethods['atproto'] === account.signingKey.did()
  )
}

/** A new account, with a DID that the server makes. */
const createHere = async (pds: FakePds, handle: string, password: string): Promise<FakeAccount> => {
  const signingKey = await fakeKey(`signing of ${handle} at ${pds.origin}`)
  const genesis = await signOperation(pds.rotationKey, {
    type: 'plc_operation',
    rotationKeys: [pds.rotationKey.did()],
    verificationMethods: { atproto: signingKey.did() },
    alsoKnownAs: [`at://${handle}`],
    services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: pds.origin } },
    prev: null,
  })
  const did = await didOf(genesis)
  await pds.directory.submit(did, genesis)
  const account = pds.addAccount({ did, handle, password, signingKey, active: true })
  await pds.write(account, {})
  return account
}

export const serverMethods: Record<string, FakeMethod> = {
  'com.atproto.server.describeServer': ({ pds }) =>
    json({
      did: pds.serviceDid,
      availableUserDomains: [`.${new URL(pds.origin).hostname}`],
      inviteCodeRequired: pds.options.inviteCode !== undefined,
      phoneVerificationRequired: false,
      links: {},
      contact: {},
    }),

  'com.atproto.server.createSession': (call) => {
    const { identifier, password, authFactorToken } = call.input()
    const account = call.pds.find(identifier)
    const app = account?.appPasswords.has(String(password)) ?? false
    if (!account || (account.password !== password && !app))
      throw new Refused(401, 'AuthenticationRequired', 'Invalid identifier or password')
    if (call.pds.options.authFactor && !app) {
      if (authFactorToken === undefined) {
        account.factorCode = `FACTOR-${(call.pds.calls.get(call.method) ?? 0) + 1}`
        throw new Refused(
          401,
          'AuthFactorTokenRequired',
          'A sign-in code has been sent to your email address',
        )
      }
      if (authFactorToken !== account.factorCode) throw new Refused(400, 'InvalidToken', 'Token is invalid')
    }
    return json(sessionOf(call, account, app))
  },

  'com.atproto.server.refreshSession': (call) => {
    const account = needsAccount(call)
    return json(sessionOf(call, account, call.session?.app))
  },

  'com.atproto.server.deleteSession': (call) => {
    needsAccount(call)
    const [, token = ''] = /^Bearer (.+)$/.exec(call.sent.headers.get('authorization') ?? '') ?? []
    call.pds.sessions.delete(token)
    return new Response(null, { status: 200 })
  },

  'com.atproto.server.getSession': (call) => {
    const account = needsAccount(call)
    const { accessJwt: _, refreshJwt: __, ...session } = sessionOf(call, account)
    return json(session)
  },

  'com.atproto.server.getServiceAuth': async (call) => {
    const account = needsAccount(call)
    const lxm = call.params.get('lxm')
    if (lxm === 'com.atproto.server.createAccount') needsAccount(call, { full: true })
    const now = Math.floor(call.pds.network.now() / 1000)
    const exp = Number(call.params.get('exp') ?? now + 60)
    if (exp > now + 3600) throw new Refused(400, 'BadExpiration', 'expiration too far in future')
    const claims = {
      iss: account.did,
      aud: call.params.get('aud'),
      iat: now,
      exp,
      lxm,
      jti: String(Math.random()),
    }
    return json({ token: await signServiceToken(account.signingKey, claims) })
  },

  'com.atproto.server.createAccount': async (call) => {
    const { pds, issuer } = call
    const { did, handle, email, password, inviteCode } = call.input()
    const { inviteCode: needed } = pds.options
    if (needed !== undefined && inviteCode === undefined)
      throw new Refused(400, 'InvalidInviteCode', 'No invite code provided')
    if (needed !== undefined && inviteCode !== needed)
      throw new Refused(400, 'InvalidInviteCode', 'Provided invite code not available')
    if (!email) throw new Refused(400, 'InvalidRequest', 'Email is required')
    if (did === undefined && issuer === undefined && typeof handle === 'string') {
      const account = await createHere(pds, handle, String(password))
      account.email = String(email)
      return json(sessionOf(call, account))
    }
    if (typeof handle !== 'string' || typeof did !== 'string' || typeof password !== 'string')
      throw new Refused(400, 'InvalidRequest', 'Input must have did, handle and password')
    const holder = [...pds.accounts.values()].find((account) => account.handle === handle)
    if (holder) throw new Refused(400, 'InvalidRequest', `Handle already taken: ${handle}`)
    if (did !== issuer)
      throw new Refused(401, 'AuthenticationRequired', `Missing auth to create account with did: ${did}`)
    // The reference answers this from its database.
    if (pds.accounts.has(did)) throw new Refused(400, 'AlreadyExists', 'Repo already exists')
    const signingKey = await fakeKey(`signing of ${did} at ${pds.origin}`)
    const account = pds.addAccount({ did, handle, password, signingKey, active: false })
    account.email = String(email)
    await pds.write(account, {})
    return json(sessionOf(call, account))
  },

  'com.atproto.server.activateAccount': (call) => {
    const account = needsAccount(call, { full: true })
    if (!isValidDid(call, account))
      throw new Refused(400, 'InvalidRequest', 'DID document verification failed: pds service endpoint')
    account.active = true
    return new Response(null, { status: 200 })
  },

  'com.atproto.server.deactivateAccount': (call) => {
    needsAccount(call, { full: true }).active = false
    return new Response(null, { status: 200 })
  },

  'com.atproto.server.requestAccountDelete': (call) => {
    const account = needsAccount(call, { full: true })
    account.deletionCode = mailedCode(`deletion of ${account.did} ${call.pds.calls.get(call.method)}`)
    return new Response(null, { status: 200 })
  },

  'com.atproto.server.deleteAccount': (call) => {
    const { did, password, token } = call.input()
    const account = call.pds.accounts.get(String(did))
    if (!account) throw new Refused(400, 'InvalidRequest', 'account not found')
    if (account.password !== password)
      throw new Refused(401, 'AuthenticationRequired', 'Invalid did or password')
    if (account.deletionCode === undefined || token !== account.deletionCode)
      throw new Refused(400, 'InvalidToken', 'Token is invalid')
    call.pds.accounts.delete(account.did)
    return new Response(null, { status: 200 })
  },

  'com.atproto.server.checkAccountStatus': (call) => {
    const account = needsAccount(call)
    const { repo } = account
    return json({
      activated: account.active,
      validDid: isValidDid(call, account),
      repoCommit: repo.cid,
      repoRev: repo.rev,
      repoBlocks: repo.records.size + 2,
      indexedRecords: repo.records.size,
      privateStateValues: 0,
      expectedBlobs: account.references.size,
      importedBlobs: account.blobs.size,
    })
  },

  'app.bsky.actor.getPreferences': (call) => json({ preferences: needsAccount(call).preferences }),

  'app.bsky.actor.putPreferences': (call) => {
    const account = needsAccount(call)
    const { preferences } = call.input()
    const valid =
      Array.isArray(preferences) && preferences.every((item) => typeof Object(item).$type === 'string')
    if (!valid) throw new Refused(400, 'InvalidRequest', 'Preference is missing a $type')
    account.preferences = preferences
    return new Response(null, { status: 200 })
  },
}

/** A code as it is mailed: new with each request, which voids the one before. */
export const mailedCode = (seed: string): string =>
  createHash('sha256').update(seed).digest('hex').slice(0, 10)
