import { describe, expect, it } from 'vitest'
import { against, fake } from './fake.ts'

describe('pds sessions', () => {
  const LIST = 'com.cirrus.admin.listSessions'
  const LIST_GRANTS = 'com.cirrus.admin.listGrants'
  const times = {
    createdAt: '2026-11-01T10:00:00.000Z',
    lastUsedAt: '2026-11-22T09:00:00.000Z',
    expiresAt: '2027-01-21T09:00:00.000Z',
  }

  it('shows who is signed in, with the id that ends the session', async () => {
    const sessions = [
      {
        id: '00112233445566778899aabbccddeeff',
        client: 'Bluesky/1.99 (iOS)',
        via: 'createSession',
        ...times,
      },
      {
        id: '8899aabbccddeeff0011223344556677',
        client: 'Graysky',
        via: 'createSession',
        appPassword: 'Graysky "phone"',
        ...times,
      },
      { id: 'ffeeddccbbaa99887766554433221100', via: 'createAccount', ...times },
      { id: '0123456789abcdef0123456789abcdef', ...times },
    ]
    const grants = [
      {
        id: 'aa',
        clientId: 'https://app.example/client.json',
        clientName: 'An app',
        scope: 'atproto',
        ...times,
      },
    ]
    const answers = { [LIST]: { sessions }, [LIST_GRANTS]: { grants } }
    expect((await against(fake(answers), ['sessions'])).stdout).toMatchInlineSnapshot(`
      "4 sessions:
      00112233445566778899aabbccddeeff  Bluesky/1.99 (iOS)
        since 2026-11-01T10:00:00.000Z, last used 2026-11-22T09:00:00.000Z, signed in with the account password
      8899aabbccddeeff0011223344556677  Graysky
        since 2026-11-01T10:00:00.000Z, last used 2026-11-22T09:00:00.000Z, signed in with the app password "Graysky \\"phone\\""
      ffeeddccbbaa99887766554433221100  unknown client
        since 2026-11-01T10:00:00.000Z, last used 2026-11-22T09:00:00.000Z, moved the account in
      0123456789abcdef0123456789abcdef  unknown client
        since 2026-11-01T10:00:00.000Z, last used 2026-11-22T09:00:00.000Z
      1 grant:
      aa  https://app.example/client.json, which calls itself "An app"
        since 2026-11-01T10:00:00.000Z, last used 2026-11-22T09:00:00.000Z, until 2027-01-21T09:00:00.000Z
        atproto
      "
    `)
    const nobody = { [LIST]: { sessions: [] }, [LIST_GRANTS]: { grants: [] } }
    expect((await against(fake(nobody), ['sessions'])).stdout).toBe('Nobody is signed in.\n')
  })

  it('asks before it ends any', async () => {
    const END = 'com.cirrus.admin.endSessions'
    const server = fake({ [END]: { ended: 3, grants: 1, browsers: 2 } })
    const asked = () => server.calls.filter(({ method }) => method === END)
    const no = await against(server, ['end-sessions', '--all'], { tty: true, stdin: 'n' })
    expect([no.code, asked()]).toEqual([4, []])
    const yes = await against(server, ['end-sessions', '--all'], { tty: true, stdin: 'y' })
    expect([yes.code, yes.stdout]).toEqual([0, '3 sessions, 1 grant, 2 browsers ended.\n'])
    expect(asked()[0]?.body).toEqual({ all: true })
  })
})

describe('pds grants', () => {
  const END = 'com.cirrus.admin.endGrants'

  it('takes the access of one app, or of all, once that is confirmed', async () => {
    const server = fake({ [END]: { ended: 1 } })
    const asked = () => server.calls.filter(({ method }) => method === END).map(({ body }) => body)
    expect((await against(server, ['grants', 'end', 'aa'], { tty: true, stdin: 'n' })).code).toBe(4)
    expect(asked()).toEqual([])
    const one = await against(server, ['grants', 'end', 'aa'], { tty: true, stdin: 'y' })
    expect([one.code, one.stdout]).toEqual([0, '1 grant ended.\n'])
    await against(server, ['grants', 'end', '--all', '--yes'])
    expect(asked()).toEqual([{ id: 'aa' }, { all: true }])
  })

  it.each([['grants'], ['grants', 'list', 'aa'], ['grants', 'end'], ['grants', 'end', 'aa', '--all']])(
    'refuses %s %s %s before it asks the server',
    async (...args) => {
      const server = fake({})
      expect((await against(server, args)).code).toBe(2)
      expect(server.calls).toEqual([])
    },
  )
})
