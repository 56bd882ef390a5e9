// Passkeys from the command line.
import { describe, expect, it } from 'vitest'
import { against, error, fake } from './fake.ts'
import { member } from './support.ts'

const LINK = 'com.cirrus.admin.createPasskeyLink'
const LIST = 'com.cirrus.admin.listPasskeys'
const REMOVE = 'com.cirrus.admin.removePasskey'
const SET = 'com.cirrus.admin.setPasswordSignIn'
const url = 'https://alice.example.com/account/passkeys/register#0123456789abcdef0123456789abcdef'
const expiresAt = '2026-11-22T10:10:00.000Z'
const createdAt = '2026-11-22T10:00:00.000Z'
const passkeys = [
  {
    id: 'aWQtb2YtdGhlLXBob25l',
    name: 'phone',
    backup: 'synced',
    createdAt,
    lastUsedAt: '2026-11-23T10:00:00.000Z',
  },
  { id: 'aWQtb2YtdGhlLWxhcHRvcA', name: 'laptop', createdAt },
]

const server = (changes: Record<string, object> = {}) =>
  fake({
    [LINK]: { url, expiresAt },
    [LIST]: { passkeys, passwordSignIn: true },
    [REMOVE]: { passwordSignIn: true },
    [SET]: (body) => Object(body),
    ...changes,
  })
const bodies = ({ calls }: ReturnType<typeof fake>, id: string) =>
  calls.filter(({ method }) => method === id).map(({ body }) => body)

describe('pds passkey add', () => {
  it('prints the link on stdout; the code, how long it works and to what it belongs on stderr', async () => {
    const shown = await against(server(), ['passkey', 'add'])
    expect([shown.code, shown.stdout]).toEqual([0, `${url}\n`])
    expect(shown.stderr).toMatch(/[█▀▄]{20}/)
    expect(shown.stderr).toContain('works once, until 2026-11-22T10:10:00.000Z')
    expect(shown.stderr).toContain('host name alice.example.com')
  })

  it('prints no code for an address that only this computer can open, and says why', async () => {
    const local = 'http://localhost:8787/account/passkeys/register#0123456789abcdef0123456789abcdef'
    const shown = await against(server({ [LINK]: { url: local, expiresAt } }), ['passkey', 'add'])
    expect([shown.code, shown.stdout]).toEqual([0, `${local}\n`])
    expect(shown.stderr).not.toMatch(/[█▀▄]/)
    expect(shown.stderr).toContain('another device that opens this address finds itself')
    expect(shown.stderr).not.toContain('scan the code with')
  })

  it('prints JSON without the code', async () => {
    const shown = await against(server(), ['passkey', 'add', '--json'])
    expect(shown.json).toEqual({ ok: true, url, expiresAt })
    expect(shown.stderr).toBe('')
  })

  it('says what a server without a host name needs', async () => {
    const refused = server({ [LINK]: error(400, 'PasskeysUnavailable', 'HOSTNAME is the address 127.0.0.1') })
    const shown = await against(refused, ['passkey', 'add', '--json'])
    expect([shown.code, member(shown.json, 'error')]).toEqual([
      1,
      expect.objectContaining({ code: 'passkeys-unavailable' }),
    ])
  })
})

describe('pds passkey list', () => {
  it('shows name, times and id, and what the password opens', async () => {
    expect((await against(server(), ['passkey', 'list'])).stdout).toMatchInlineSnapshot(`
      "2 passkeys:
      phone  since 2026-11-22T10:00:00.000Z, last used 2026-11-23T10:00:00.000Z; synced to other devices
        aWQtb2YtdGhlLXBob25l
      laptop  since 2026-11-22T10:00:00.000Z, never used
        aWQtb2YtdGhlLWxhcHRvcA
      The account password opens pages and sessions.
      "
    `)
    const none = server({ [LIST]: { passkeys: [], passwordSignIn: true } })
    expect((await against(none, ['passkey', 'list'])).stdout).toMatch(/^There are no passkeys\.\n/)
    const off = server({ [LIST]: { passkeys, passwordSignIn: false } })
    expect((await against(off, ['passkey', 'list'])).stdout).toContain('opens neither pages nor sessions')
  })

  it('prints JSON', async () => {
    const shown = await against(server(), ['passkey', 'list', '--json'])
    expect(shown.json).toEqual({ ok: true, passkeys, passwordSignIn: true })
  })
})

describe('pds passkey remove', () => {
  it('takes the name, the id or its beginning, and asks before', async () => {
    for (const which of ['laptop', 'aWQtb2YtdGhlLWxhcHRvcA', 'aWQtb2YtdGhlLWx']) {
      const cirrus = server()
      const shown = await against(cirrus, ['passkey', 'remove', which, '--yes'])
      expect(shown.stdout).toContain('The passkey "laptop" is removed.')
      expect(bodies(cirrus, REMOVE)).toEqual([{ id: 'aWQtb2YtdGhlLWxhcHRvcA' }])
    }
    const asked = server()
    expect((await against(asked, ['passkey', 'remove', 'laptop'])).code).not.toBe(0)
    expect(bodies(asked, REMOVE)).toEqual([])
  })

  it('says that the last one switches the password on again', async () => {
    const last = server({ [LIST]: { passkeys: passkeys.slice(0, 1), passwordSignIn: false } })
    const shown = await against(last, ['passkey', 'remove', 'phone', '--yes'])
    expect(shown.stdout).toContain('The account password opens pages and sessions.')
  })

  it('removes nothing where no passkey is called so, or several are', async () => {
    const twins = server({
      [LIST]: { passkeys: passkeys.map((each) => ({ ...each, name: 'same' })), passwordSignIn: true },
    })
    for (const [cirrus, which, message] of [
      [server(), 'tablet', 'no passkey has the name or id "tablet"'],
      [twins, 'same', '2 passkeys are called "same"'],
    ] as const) {
      const shown = await against(cirrus, ['passkey', 'remove', which, '--yes'])
      expect(shown.code).toBe(1)
      expect(shown.stderr).toContain(message)
      expect(bodies(cirrus, REMOVE)).toEqual([])
    }
  })
})

describe('pds passkey password', () => {
  it('switches the password off and on', async () => {
    const cirrus = server()
    expect((await against(cirrus, ['passkey', 'password', 'off'])).stdout).toContain(
      'neither pages nor sessions',
    )
    const on = await against(cirrus, ['passkey', 'password', 'on', '--json'])
    expect(on.json).toEqual({ ok: true, passwordSignIn: true })
    expect(bodies(cirrus, SET)).toEqual([{ enabled: false }, { enabled: true }])
  })

  it('says what to do where there is no passkey', async () => {
    const refused = server({ [SET]: error(400, 'NoPasskey', 'there is no passkey') })
    const shown = await against(refused, ['passkey', 'password', 'off'])
    expect(shown.code).toBe(1)
    expect(shown.stderr).toContain('pds passkey add')
  })
})

it.each([
  ['passkey'],
  ['passkey', 'add', 'x'],
  ['passkey', 'list', 'x'],
  ['passkey', 'remove'],
  ['passkey', 'password'],
  ['passkey', 'password', 'maybe'],
  ['passkey', 'other'],
])('pds %s %s is a mistake in usage', async (...args) => {
  const cirrus = server()
  expect((await against(cirrus, args.filter(Boolean))).code).toBe(2)
  expect(cirrus.calls).toEqual([])
})
