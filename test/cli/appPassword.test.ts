// App passwords from the command line.
import { describe, expect, it } from 'vitest'
import { against, error, fake } from './fake.ts'
import { member } from './support.ts'

const CREATE = 'com.atproto.server.createAppPassword'
const LIST = 'com.atproto.server.listAppPasswords'
const REVOKE = 'com.atproto.server.revokeAppPassword'
const PASSWORD = 'abcd-efgh-2345-6722'
const createdAt = '2026-11-22T10:00:00.000Z'
const passwords = [
  { name: 'chat', createdAt, privileged: true },
  { name: 'Graysky on my phone', createdAt, privileged: false },
]

const server = () =>
  fake({
    [CREATE]: (body) => ({ ...Object(body), password: PASSWORD, createdAt }),
    [LIST]: { passwords },
    [REVOKE]: {},
  })
const bodies = ({ calls }: ReturnType<typeof fake>, id: string) =>
  calls.filter(({ method }) => method === id).map(({ body }) => body)

describe('pds app-password create', () => {
  it('prints the password on stdout, and that it is shown only now on stderr', async () => {
    const cirrus = server()
    const shown = await against(cirrus, ['app-password', 'create', 'Graysky'])
    expect([shown.code, shown.stdout]).toEqual([0, `${PASSWORD}\n`])
    expect(shown.stderr).toContain('only now')
    expect(shown.stderr).not.toContain(PASSWORD)
    expect(bodies(cirrus, CREATE)).toEqual([{ name: 'Graysky', privileged: false }])
    expect(cirrus.calls[0]?.authorization).toBe(`Basic ${btoa('admin:admin-canary')}`)
  })

  it('makes a privileged one, and prints JSON', async () => {
    const shown = await against(server(), ['app-password', 'create', 'chat', '--privileged', '--json'])
    expect(shown.json).toEqual({ ok: true, name: 'chat', password: PASSWORD, privileged: true, createdAt })
  })

  it('says what the server says of a name that is taken', async () => {
    const refused = fake({
      [CREATE]: error(400, 'InvalidRequest', 'name: there is an app password "x" already'),
    })
    const shown = await against(refused, ['app-password', 'create', 'x'])
    expect([shown.code, shown.stdout]).toEqual([1, ''])
    expect(shown.stderr).toContain('there is an app password "x" already')
  })
})

describe('pds app-password list', () => {
  it('shows name, date and kind', async () => {
    expect((await against(server(), ['app-password', 'list'])).stdout).toMatchInlineSnapshot(`
      "2 app passwords:
      chat  since 2026-11-22T10:00:00.000Z, privileged
      Graysky on my phone  since 2026-11-22T10:00:00.000Z
      "
    `)
    expect((await against(fake({ [LIST]: { passwords: [] } }), ['app-password', 'list'])).stdout).toBe(
      'There are no app passwords.\n',
    )
  })
})

describe('pds app-password revoke', () => {
  it('asks before it revokes', async () => {
    const cirrus = server()
    const no = await against(cirrus, ['app-password', 'revoke', 'chat'], { tty: true, stdin: 'n' })
    expect([no.code, bodies(cirrus, REVOKE)]).toEqual([4, []])
    const yes = await against(cirrus, ['app-password', 'revoke', 'chat', '--yes'])
    expect([yes.code, yes.stdout]).toEqual([0, '"chat" is revoked, and its sessions have ended.\n'])
    expect(bodies(cirrus, REVOKE)).toEqual([{ name: 'chat' }])
  })

  it('refuses a name that no app password has', async () => {
    const cirrus = server()
    const shown = await against(cirrus, ['app-password', 'revoke', 'Chat', '--yes', '--json'])
    expect([shown.code, member(shown.json, 'error', 'code')]).toEqual([1, 'app-password-not-found'])
    expect(bodies(cirrus, REVOKE)).toEqual([])
  })
})

describe('pds app-password', () => {
  it.each([
    [[]],
    [['create']],
    [['revoke']],
    [['list', 'chat']],
    [['list', '--privileged']],
    [['revoke', 'chat', '--privileged']],
    [['rotate', 'chat']],
    [['create', 'a', 'b']],
  ])('%j is a mistake in the command line', async (args) => {
    const cirrus = server()
    expect((await against(cirrus, ['app-password', ...args])).code).toBe(2)
    expect(cirrus.calls).toEqual([])
  })
})
