import type { Session } from '../../../client/index.ts'
import { newId } from '../../../crypto/newId.ts'
import { generateKey } from '../../../crypto/privateKey.ts'
import { CREATE_ACCOUNT } from '../../../signing/migrationToken.ts'
import { loadSigningKey, type SigningKey } from '../../../signing/keys.ts'
import { unlessRefused } from '../seen.ts'
import { SOURCES, type Rehearsal, type TargetCheck } from '../types.ts'

interface Token {
  aud?: string
  /** null: none. */
  lxm?: string | null
  /** Seconds from now. */
  lives?: number
  signer?: SigningKey
}

const tokenFor = async (
  rehearsal: Rehearsal,
  { aud, lxm = CREATE_ACCOUNT, lives = 60, signer }: Token = {},
) => {
  const { deps, account, description } = rehearsal
  const now = Math.floor(deps.now() / 1000)
  return await (signer ?? account.signingKey).signServiceToken({
    iss: account.did,
    aud: aud ?? description.did,
    iat: lives < 0 ? now + lives - 60 : now,
    exp: now + lives,
    ...(lxm !== null && { lxm }),
    jti: newId(deps.random),
  })
}

const create = async (rehearsal: Rehearsal, token: string | undefined, did = rehearsal.account.did) => {
  const client = token === undefined ? rehearsal.anyone : rehearsal.anyone.withToken(token)
  const session: Session = await client.com.atproto.server.createAccount({ did, ...rehearsal.newAccount })
  // Also where it should have been refused: the rehearsal goes on with what there is.
  rehearsal.session ??= session
  return session
}

/** A DID that is not the one of the rehearsal. */
const OTHER_DID = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'

const refused = (
  id: string,
  what: string,
  attempt: (rehearsal: Rehearsal) => Promise<unknown>,
  level: TargetCheck['level'] = 'must',
): TargetCheck => ({
  id: `createAccount.${id}`,
  level,
  expected: `createAccount refuses ${what}`,
  source: SOURCES.serviceAuth,
  async run(rehearsal) {
    if (rehearsal.session) return 'the account is there already, so this cannot be asked'
    return await unlessRefused(attempt(rehearsal))
  },
})

export const createAccountChecks: readonly TargetCheck[] = [
  refused('noToken', 'a DID that exists, without a service token', (rehearsal) =>
    create(rehearsal, undefined),
  ),
  refused('wrongAudience', 'a token for another server', async (rehearsal) =>
    create(rehearsal, await tokenFor(rehearsal, { aud: 'did:web:other.example.com' })),
  ),
  refused('wrongMethod', 'a token for another method', async (rehearsal) =>
    create(rehearsal, await tokenFor(rehearsal, { lxm: 'com.atproto.repo.uploadBlob' })),
  ),
  refused(
    'anyMethod',
    'a token that names no method',
    async (rehearsal) => create(rehearsal, await tokenFor(rehearsal, { lxm: null })),
    'should',
  ),
  refused('expired', 'a token that has expired', async (rehearsal) =>
    create(rehearsal, await tokenFor(rehearsal, { lives: -60 })),
  ),
  refused('otherKey', 'a token that another key has signed', async (rehearsal) => {
    const signer = await loadSigningKey(await generateKey(rehearsal.deps.random))
    return await create(rehearsal, await tokenFor(rehearsal, { signer }))
  }),
  refused('otherDid', 'a token of another DID than the one of the account', async (rehearsal) =>
    create(rehearsal, await tokenFor(rehearsal), OTHER_DID),
  ),
  {
    id: 'createAccount',
    level: 'must',
    expected: 'createAccount takes a token that the DID’s signing key has signed, and opens a session',
    source: SOURCES.migration,
    async run(rehearsal) {
      const { account, newAccount } = rehearsal
      const made = rehearsal.session ?? (await create(rehearsal, await tokenFor(rehearsal)))
      if (made.did !== account.did) return `it has the DID ${made.did}`
      if (made.handle !== newAccount.handle) return `it has the handle ${made.handle}`
      if (!made.accessJwt || !made.refreshJwt) return 'it answers without tokens'
      return undefined
    },
  },
  {
    id: 'createAccount.again',
    level: 'must',
    expected: 'a second account of the same DID is refused',
    source: SOURCES.account,
    needs: ['createAccount'],
    run: async (rehearsal) => await unlessRefused(create(rehearsal, await tokenFor(rehearsal))),
  },
  {
    id: 'account.inactive',
    level: 'must',
    expected:
      'the account is inactive until its DID names the server: checkAccountStatus and getRepoStatus say so',
    source: SOURCES.migration,
    needs: ['createAccount'],
    async run({ owner, anyone, account }) {
      const { activated, validDid } = await owner.com.atproto.server.checkAccountStatus()
      if (activated) return 'checkAccountStatus says activated'
      if (validDid) return 'checkAccountStatus says validDid, and the DID names another server'
      const { active } = await anyone.com.atproto.sync.getRepoStatus({ did: account.did })
      return active ? 'getRepoStatus says active' : undefined
    },
  },
  {
    id: 'account.activatedEarly',
    level: 'must',
    expected: 'activateAccount is refused while the DID names another server',
    source: SOURCES.account,
    needs: ['createAccount'],
    async run({ owner }) {
      const seen = await unlessRefused(owner.com.atproto.server.activateAccount())
      if (seen !== undefined) return seen
      const { activated } = await owner.com.atproto.server.checkAccountStatus()
      return activated ? 'it was refused, and the account is active' : undefined
    },
  },
]
