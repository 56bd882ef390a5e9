import { describe, expect, it } from 'vitest'
import { against, fake } from './fake.ts'

describe('pds sessions', () => {
  const LIST = 'com.cirrus.admin.listSessions'
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
    expect((await against(fake({ [LIST]: { sessions } }), ['sessions'])).stdout).toMatchInlineSnapshot(`
      "4 sessions:
      00112233445566778899aabbccddeeff  Bluesky/1.99 (iOS)
        since 2026-11-01T10:00:00.000Z, last used 2026-11-22T09:00:00.000Z, signed in with the account password
      8899aabbccddeeff0011223344556677  Graysky
        since 2026-11-01T10:00:00.000Z, last used 2026-11-22T09:00:00.000Z, signed in with the app password "Graysky \\"phone\\""
      ffeeddccbbaa99887766554433221100  unknown client
        since 2026-11-01T10:00:00.000Z, last used 2026-11-22T09:00:00.000Z, moved the account in
      0123456789abcdef0123456789abcdef  unknown client
        since 2026-11-01T10:00:00.000Z, last used 2026-11-22T09:00:00.000Z
      "
    `)
    expect((await against(fake({ [LIST]: { sessions: [] } }), ['sessions'])).stdout).toBe(
      'Nobody is signed in.\n',
    )
  })

  it('asks before it ends any', async () => {
    const END = 'com.cirrus.admin.endSessions'
    const server = fake({ [END]: { ended: 3 } })
    const asked = () => server.calls.filter(({ method }) => method === END)
    const no = await against(server, ['end-sessions', '--all'], { tty: true, stdin: 'n' })
    expect([no.code, asked()]).toEqual([4, []])
    const yes = await against(server, ['end-sessions', '--all'], { tty: true, stdin: 'y' })
    expect([yes.code, yes.stdout]).toEqual([0, '3 sessions ended.\n'])
    expect(asked()[0]?.body).toEqual({ all: true })
  })
})
