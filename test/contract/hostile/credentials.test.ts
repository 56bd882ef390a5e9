/** A server that wants the caller's credentials to go elsewhere, or its own text to be more than text. */
import { expect, it } from 'vitest'
import { STUB_CREDENTIALS } from '../stubHandlers.ts'
import { examine } from './examine.ts'
import { sayJson, startHostile, type Conduct } from './hostileServer.ts'

const OWNER = ['--write', '--account-has-records', '--identifier', STUB_CREDENTIALS.identifier]
const PASSWORDS = { CONTRACT_PASSWORD: STUB_CREDENTIALS.password, ADMIN_PASSWORD: STUB_CREDENTIALS.admin }
const TO_SIGN_IN = /^(com\.atproto\.server\.(describeServer|createSession|deleteSession)|\/)$/

const afterSignIn =
  (conduct: Conduct): Conduct =>
  (call) =>
    TO_SIGN_IN.test(call.id) ? 'honest' : conduct(call)

it.each([301, 302, 303, 307, 308])('sends nothing to the host that a %s names', async (status) => {
  await using elsewhere = await startHostile((call) => sayJson(call, '{}'))
  await using server = await startHostile(
    afterSignIn((call) =>
      sayJson(call, '', { status, headers: { location: elsewhere.url + call.message.url } }),
    ),
  )
  const { code, stdout } = await examine([server.url, ...OWNER, '--house', '--plc', server.url], {
    env: PASSWORDS,
  })
  expect(elsewhere.asked).toEqual([])
  expect(server.asked.length).toBeGreaterThan(100)
  expect(code).toBe(3)
  expect(stdout).toContain(`${status} to ${elsewhere.url}/xrpc/`)
})

it('sends the password to no host that describeServer, or anything else, names', async () => {
  await using elsewhere = await startHostile((call) => sayJson(call, '{}'))
  const names = JSON.stringify({
    did: `did:web:${new URL(elsewhere.url).host.replace(':', '%3A')}`,
    availableUserDomains: [`.${new URL(elsewhere.url).host}`],
    resource: elsewhere.url,
    authorization_servers: [elsewhere.url],
    issuer: elsewhere.url,
    token_endpoint: `${elsewhere.url}/token`,
    pushed_authorization_request_endpoint: `${elsewhere.url}/par`,
    links: { termsOfService: elsewhere.url },
  })
  await using server = await startHostile((call) => {
    if (TO_SIGN_IN.test(call.id) && call.id !== 'com.atproto.server.describeServer') return 'honest'
    sayJson(call, names)
  })
  await examine([server.url, ...OWNER, '--house', '--plc', server.url], { env: PASSWORDS })
  // The document of a did:web is read there, without a credential.
  expect(elsewhere.asked.filter((id) => id !== '/.well-known/did.json')).toEqual([])
})

const EVIL =
  '\u001B[2J\u001B]0;evil\u0007\u009B31m\u202Eevil\u2066\u200B\u2028\u{E0041}\r\u007F\uFEFF</script><script>alert(1)</script><img src=x onerror=alert(1)>'
// oxlint-disable-next-line no-control-regex -- this is about them
const UNSEEN = /(?![\t\n])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u
/** What the program itself draws with: it erases the line of progress. */
const OWN = '\r\u001B[2K'

/** A value with its texts, and the names of its members, made hostile. */
const evil = (value: unknown): unknown => {
  if (typeof value === 'string') return value + EVIL
  if (Array.isArray(value)) return value.map(evil)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries([
    ...Object.entries(value).map(([name, inner]) => [name, evil(inner)]),
    [EVIL, EVIL],
  ])
}

it.each([
  ['answers', 200],
  ['errors', 400],
])('shows control characters in %s neither in a terminal nor in a page', async (_, status) => {
  const body = JSON.stringify(
    evil({
      ...{
        error: 'No',
        message: 'text',
        did: 'did:plc:a',
        handle: 'a',
        version: '1',
        cid: 'x',
        uri: 'at://x',
      },
      ...{
        accessJwt: 'a',
        refreshJwt: 'b',
        cursor: 'c',
        blob: {},
        repos: [{ did: 'x' }],
        records: [{ uri: 'x' }],
      },
      ...{
        resource: 'x',
        issuer: 'x',
        authorization_servers: ['x'],
        availableUserDomains: ['x'],
        cids: ['x'],
      },
    }),
  )
  await using server = await startHostile((call) => {
    const headers = {
      'content-type': `application/json; charset=\u0085\u009b31mevil`,
      'x-evil': '\u009b31m\u0085',
    }
    sayJson(call, body, { status, headers: call.before % 2 === 0 ? headers : {} })
  })
  for (const more of [[], ['--json'], ['--only', 'com.atproto.sync', '--strict', '--house']]) {
    const { stdout, stderr, html, junit } = await examine([server.url, ...more])
    for (const [name, text] of Object.entries({ stdout, stderr: stderr.replaceAll(OWN, ''), html, junit }))
      expect(`${name}: ${UNSEEN.exec(text)?.[0].codePointAt(0)?.toString(16)}`).toBe(`${name}: undefined`)
    expect(html).not.toMatch(/<script|<img/)
    expect(junit).not.toMatch(/<script|<img/)
    for (const text of [stdout, html, junit]) expect(text).toContain('evil')
  }
})

it('shows them neither in an error before the run', async () => {
  await using server = await startHostile((call) =>
    call.id === 'com.atproto.server.createSession'
      ? sayJson(call, JSON.stringify({ error: EVIL, message: EVIL }), { status: 401 })
      : 'honest',
  )
  const { code, stderr } = await examine([server.url, ...OWNER], { env: PASSWORDS })
  expect([code, UNSEEN.exec(stderr.replaceAll(OWN, ''))]).toEqual([1, null])
  expect(stderr).toContain('could not sign in: 401')
})
