import { isValidDid } from '@atproto/syntax'
import { isObject, type JsonObject } from '../../isObject.ts'
import { mediaType, type Asking } from '../ask.ts'
import { createRule } from '../createRule.ts'
import type { Area, Run } from '../types.ts'
import { inText } from '../inText.ts'
import { notDone } from './fieldsOf.ts'

const rule = createRule('identity')

const DESCRIBE = 'com.atproto.server.describeServer'
const RESOLVE = 'com.atproto.identity.resolveHandle'
const DESCRIBE_REPO = 'com.atproto.repo.describeRepo'

const serverDid = rule(
  'server-did',
  'should',
  'describeServer names the DID of the server, a did:web of its own host.',
  `lexicon ${DESCRIBE}; movers and apps use it as the audience of service tokens`,
)
const health = rule(
  'health',
  'should',
  '/xrpc/_health answers 200 with JSON.',
  'the reference PDS; status pages and relays ask for it',
)
const resolves = rule(
  'resolves-handle',
  'must',
  'The handle of an account that is held here resolves to its DID.',
  `lexicon ${RESOLVE}`,
)
const handleCase = rule(
  'handle-case',
  'should',
  'A handle in capitals resolves as in small letters.',
  'https://atproto.com/specs/handle#handle-identifier-syntax: handles are not case-sensitive',
)
const unknownHandle = rule(
  'unknown-handle',
  'must',
  'A handle that nobody has is refused, and does not resolve to someone.',
  `lexicon ${RESOLVE}`,
)
const document = rule(
  'document',
  'should',
  'The DID document that describeRepo gives is the one of the account, and names this server while it is the account’s.',
  `lexicon ${DESCRIBE_REPO}; clients find the server of an account by its DID document`,
)
const wellKnown = rule(
  'well-known',
  'must',
  '/.well-known/atproto-did of a handle’s host is the DID as text, with nothing behind it.',
  'https://atproto.com/specs/handle#https-well-known-method',
)
const agrees = rule(
  'agrees',
  'must',
  'describeRepo says the same by handle and by DID.',
  `lexicon ${DESCRIBE_REPO}`,
)

const hostDid = (origin: string): string => {
  const { hostname, port } = new URL(origin)
  return `did:web:${hostname}${port === '' ? '' : `%3A${port}`}`
}

const fieldsOf = (json: unknown): JsonObject => (isObject(json) ? json : {})

/** The endpoint of the PDS in a DID document. */
function endpointOf(didDoc: unknown): string | undefined {
  const services = fieldsOf(didDoc)['service']
  const pds = (Array.isArray(services) ? services : [])
    .map(fieldsOf)
    .find(({ id }) => typeof id === 'string' && id.endsWith('#atproto_pds'))
  const endpoint = pds?.['serviceEndpoint']
  return typeof endpoint === 'string' ? endpoint : undefined
}

async function resolvesTo(ask: Asking, handle: string): Promise<string> {
  const { status, error, json } = await ask(RESOLVE, { query: { handle } })
  const { did } = fieldsOf(json)
  return status === 200 && typeof did === 'string' ? did : `${status} ${error ?? ''}`.trim()
}

async function checkServer({ origin, expect }: Run): Promise<void> {
  await expect(serverDid, { subject: DESCRIBE, case: 'the DID', expected: hostDid(origin) }, async (ask) => {
    const { did } = fieldsOf((await ask(DESCRIBE)).json)
    return did === hostDid(origin) ? undefined : inText(did)
  })
  await expect(health, { subject: '_health', case: 'a GET' }, async (ask) => {
    const { status, headers } = await ask('_health')
    if (status !== 200) return `${status}`
    return mediaType(headers) === 'application/json' ? undefined : mediaType(headers)
  })
}

async function checkHandle(run: Run): Promise<void> {
  const { did, handle } = run.found.known
  const hasHandle = run.found.has.has('handle') && handle !== 'handle.invalid'
  const place = (name: string) => ({ subject: RESOLVE, case: name })
  if (!hasHandle) run.unclear(resolves, place('the account’s handle'), 'no account with a handle was found')
  else {
    await run.expect(resolves, { ...place('the account’s handle'), expected: did }, async (ask) => {
      const got = await resolvesTo(ask, handle)
      return got === did ? undefined : `${handle}: ${got}`
    })
    await run.expect(handleCase, { ...place('in capitals'), expected: did }, async (ask) => {
      const got = await resolvesTo(ask, handle.toUpperCase())
      return got === did ? undefined : got
    })
  }
  await run.expect(unknownHandle, place('a name below example.invalid'), async (ask) => {
    const { status } = await ask(RESOLVE, { query: { handle: 'nobody-has-this.example.invalid' } })
    return status >= 400 && status < 500 ? undefined : `${status}`
  })
}

async function checkAccount(run: Run): Promise<void> {
  const { origin, found, expect } = run
  const { did, handle } = found.known
  const place = (name: string) => ({ subject: DESCRIBE_REPO, case: name })
  if (!found.has.has('handle') || !run.serves(DESCRIBE_REPO)) return
  await expect(document, { ...place('its DID document'), expected: `${did} at ${origin}` }, async (ask) => {
    const { didDoc } = fieldsOf((await ask(DESCRIBE_REPO, { query: { repo: did } })).json)
    const { id } = fieldsOf(didDoc)
    const endpoint = endpointOf(didDoc)?.replace(/\/$/, '')
    return id === did && endpoint === origin ? undefined : `${inText(id)} at ${endpoint}`
  })
  await expect(agrees, place('by handle'), async (ask) => {
    const [byDid, byHandle] = [
      await ask(DESCRIBE_REPO, { query: { repo: did } }),
      await ask(DESCRIBE_REPO, { query: { repo: handle } }),
    ]
    const problem = notDone(byDid) ?? notDone(byHandle)
    if (problem !== undefined) return problem
    const same = ({ json }: typeof byDid): string =>
      JSON.stringify([fieldsOf(json)['did'], fieldsOf(json)['handle'], fieldsOf(json)['collections']])
    return same(byDid) === same(byHandle) ? undefined : `${same(byHandle)} instead of ${same(byDid)}`
  })
}

/** The file that names whose handle the host is: there where the host is a handle. */
async function checkWellKnown({ origin, found, expect, ask, absent }: Run): Promise<void> {
  const path = '/.well-known/atproto-did'
  const { did, handle } = found.known
  const isOwn = new URL(origin).hostname === handle
  if (!isOwn && (await ask('', { path })).status !== 200)
    return absent(`${path}: the host is not a handle`, path)
  await expect(
    wellKnown,
    { subject: path, case: 'a GET', expected: isOwn ? did : 'a DID' },
    async (again) => {
      const { status, bytes } = await again('', { path })
      const got = new TextDecoder().decode(bytes)
      const isDid = isOwn ? got.trim() === did : isValidDid(got.trim())
      return status === 200 && isDid ? undefined : `${status} ${got.slice(0, 100)}`
    },
  )
}

/** Who the server is, and whose account it holds. */
export const identity: Area = {
  name: 'identity',
  rules: [serverDid, health, resolves, handleCase, unknownHandle, document, wellKnown, agrees],
  async check(run) {
    await checkServer(run)
    if (run.serves(RESOLVE)) await checkHandle(run)
    await checkAccount(run)
    await checkWellKnown(run)
  },
}
