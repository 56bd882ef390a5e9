import { isPublicKey } from '../../crypto/publicKey.ts'
import { isObject, type JsonObject } from '../../isObject.ts'
import { verifyServiceToken } from '../../signing/serviceToken.ts'
import { inWords } from '../ask.ts'
import { asOwner, postAsOwner } from './asOwner.ts'
import { fieldsOf, notDone } from './fieldsOf.ts'
import { notRefused } from './methods/refusals.ts'
import { createRule } from '../createRule.ts'
import { Unclear, type Area, type OwnSession, type Run } from '../types.ts'
import { signingKey } from './repository/signingKey.ts'
import { inText } from '../inText.ts'

const GUIDE = 'https://atproto.com/guides/account-migration'
const MOVERS = 'goat account migrate, PDS MOover and pds move ask for it before they copy anything'

const rule = createRule('leaving', ['source'])

const SERVICE_AUTH = 'com.atproto.server.getServiceAuth'
const CREATE_ACCOUNT = 'com.atproto.server.createAccount'
const RECOMMENDED = 'com.atproto.identity.getRecommendedDidCredentials'
const STATUS = 'com.atproto.server.checkAccountStatus'
const MISSING = 'com.atproto.repo.listMissingBlobs'
const SIGN = 'com.atproto.identity.signPlcOperation'
const SUBMIT = 'com.atproto.identity.submitPlcOperation'

const serviceAuth = rule(
  'service-auth',
  'must',
  'The owner gets a service token for createAccount at another server, signed by the key of the account.',
  `https://atproto.com/specs/xrpc#inter-service-authentication-jwt; ${GUIDE}`,
)
const serviceAuthLimits = rule(
  'service-auth-limits',
  'must',
  'A service token that has expired already is not given out.',
  `lexicon ${SERVICE_AUTH}: BadExpiration`,
)
const recommended = rule(
  'recommended-credentials',
  'must',
  'The recommended credentials are keys and names that a PLC operation may have, and name this server.',
  `lexicon ${RECOMMENDED}; https://web.plc.directory/spec/v0.1/did-plc`,
)
const status = rule(
  'status',
  'should',
  'checkAccountStatus tells the commit that getLatestCommit tells, and counts that fit one another.',
  `lexicon ${STATUS}; ${MOVERS}`,
)
const missing = rule(
  'missing-blobs',
  'should',
  'listMissingBlobs names as many blobs as checkAccountStatus says are not there.',
  `lexicon ${MISSING}; ${MOVERS}`,
)
const needsCode = rule(
  'signature-needs-code',
  'must',
  'A session alone, or one with a made-up code, gets no PLC operation signed.',
  `${GUIDE}: a PLC signature takes a code that is mailed`,
)
const noForeign = rule(
  'submits-only-valid',
  'must',
  'A PLC operation without a signature is not submitted.',
  `lexicon ${SUBMIT}: validates that it doesn’t violate any constraints or put the identity into a bad state`,
)

/** A server that is not there: the token is only looked at. */
const AUDIENCE = 'did:web:target.example.com'

async function checkServiceAuth(run: Run, session: OwnSession): Promise<void> {
  const query = { aud: AUDIENCE, lxm: CREATE_ACCOUNT }
  await run.expect(serviceAuth, { subject: SERVICE_AUTH, case: `for ${CREATE_ACCOUNT}` }, async (ask) => {
    const answer = await ask(SERVICE_AUTH, { ...asOwner(session), query })
    const { token } = fieldsOf(answer)
    if (answer.status !== 200 || typeof token !== 'string') return inWords(answer)
    run.hide(token)
    const didKey = await signingKey(run, session.did)
    const opts = {
      didKey,
      issuer: session.did,
      audiences: [AUDIENCE],
      lxm: CREATE_ACCOUNT,
      now: run.deps.now(),
    }
    await verifyServiceToken(token, opts)
    return undefined
  })
  await run.expect(serviceAuthLimits, { subject: SERVICE_AUTH, case: 'that expired in 2020' }, async (ask) =>
    notRefused(await ask(SERVICE_AUTH, { ...asOwner(session), query: { ...query, exp: '1577836800' } })),
  )
}

const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []

/** What is wrong with recommended credentials. */
function* credentialProblems(fields: JsonObject, { origin }: Run, { handle }: OwnSession): Generator<string> {
  const rotationKeys = texts(fields['rotationKeys'])
  if (rotationKeys.length === 0 || rotationKeys.length > 10) yield `${rotationKeys.length} rotation keys`
  const bad = rotationKeys.find((key) => !isPublicKey(key))
  if (bad !== undefined) yield `the rotation key ${bad}`
  const methods = fields['verificationMethods']
  const key = isObject(methods) ? methods['atproto'] : undefined
  if (typeof key !== 'string' || !isPublicKey(key)) yield `the signing key ${inText(key)}`
  const names = texts(fields['alsoKnownAs'])
  if (!names.includes(`at://${handle}`)) yield `alsoKnownAs without at://${handle}: ${names.join(', ')}`
  const services = fields['services']
  const pds = isObject(services) ? services['atproto_pds'] : undefined
  const endpoint = isObject(pds) ? pds['endpoint'] : undefined
  if (typeof endpoint !== 'string' || endpoint.replace(/\/$/, '') !== origin)
    yield `the endpoint ${inText(endpoint)}`
}

async function checkStatus(run: Run, session: OwnSession): Promise<void> {
  let fields: JsonObject = {}
  await run.expect(status, { subject: STATUS, case: 'of the account' }, async (ask) => {
    const answer = await ask(STATUS, asOwner(session))
    if (answer.status !== 200) return inWords(answer)
    fields = fieldsOf(answer)
    const latest = fieldsOf(await ask('com.atproto.sync.getLatestCommit', { query: { did: session.did } }))
    const [commit, rev] = [inText(fields['repoCommit']), inText(fields['repoRev'])]
    if (commit !== latest['cid'] || rev !== latest['rev']) return `commit ${commit} with rev ${rev}`
    if (fields['activated'] !== true || fields['validDid'] !== true)
      return 'it is said not to be active, or not valid'
    const [expected, imported] = [Number(fields['expectedBlobs']), Number(fields['importedBlobs'])]
    return expected >= 0 && imported >= 0 ? undefined : `${expected} blobs expected, ${imported} there`
  })
  if (!run.serves(MISSING)) return
  await run.expect(missing, { subject: MISSING, case: 'of the account' }, async (ask) => {
    const answer = await ask(MISSING, { ...asOwner(session), query: { limit: '1000' } })
    if (answer.status !== 200) return inWords(answer)
    const { blobs, cursor } = fieldsOf(answer)
    const listed = Array.isArray(blobs) ? blobs.length : -1
    const { expectedBlobs, importedBlobs } = fields
    if (typeof expectedBlobs !== 'number' || typeof importedBlobs !== 'number')
      throw new Unclear('checkAccountStatus does not say how many there should be')
    const said = Math.max(0, expectedBlobs - importedBlobs)
    return listed === said || (cursor !== undefined && listed < said)
      ? undefined
      : `${listed} listed, ${said} said`
  })
}

/** What an owner who leaves asks for, and what nobody gets with a session alone. Nothing is changed. */
export const leaving: Area = {
  name: 'leaving',
  rules: [serviceAuth, serviceAuthLimits, recommended, status, missing, needsCode, noForeign],
  async check(run) {
    const session = await run.session()
    if (!session) return
    if (run.serves(SERVICE_AUTH)) await checkServiceAuth(run, session)
    if (run.serves(RECOMMENDED))
      await run.expect(recommended, { subject: RECOMMENDED, case: 'of the account' }, async (ask) => {
        const answer = await ask(RECOMMENDED, asOwner(session))
        return (
          notDone(answer) ?? ([...credentialProblems(fieldsOf(answer), run, session)].join('; ') || undefined)
        )
      })
    if (run.serves(STATUS)) await checkStatus(run, session)
    if (run.serves(SIGN))
      for (const [name, body] of [
        ['without a code', {}],
        ['with a made-up code', { token: 'AAAAA-BBBBB' }],
      ] as const)
        await run.expect(needsCode, { subject: SIGN, case: name }, async (ask) =>
          notRefused(await ask(SIGN, postAsOwner(session, body))),
        )
    if (run.serves(SUBMIT))
      await run.expect(
        noForeign,
        { subject: SUBMIT, case: 'an operation without a signature' },
        async (ask) =>
          notRefused(
            await ask(SUBMIT, postAsOwner(session, { operation: { type: 'plc_operation', prev: null } })),
          ),
      )
  },
}
