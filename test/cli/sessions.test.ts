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
    const browsers = [
      {
        id: 'PqcYcEbHmM0oNj0oSFdHWYl9Q1TBc4ImtuhPQBXqIkM',
        client: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
        via: 'passkey',
        remembered: true,
        createdAt: times.createdAt,
        expiresAt: times.expiresAt,
      },
      {
        id: '9Zf2kzYVLrmh0O0m3wz9W3mW5c1XyJm1oXh0rWbqU4s',
        via: 'password',
        remembered: false,
        createdAt: times.createdAt,
        expiresAt: times.expiresAt,
      },
    ]
    const answers = { [LIST]: { sessions, browsers }, [LIST_GRANTS]: { grants } }
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
      2 browsers on the pages of the account:
      PqcYcEbHmM0oNj0oSFdHWYl9Q1TBc4ImtuhPQBXqIkM  Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0
        since 2026-11-01T10:00:00.000Z, until 2027-01-21T09:00:00.000Z, signed in with a passkey
      9Zf2kzYVLrmh0O0m3wz9W3mW5c1XyJm1oXh0rWbqU4s  unknown browser
        since 2026-11-01T10:00:00.000Z, until 2027-01-21T09:00:00.000Z, signed in with the account password
      1 grant:
      aa  https://app.example/client.json, which calls itself "An app"
        since 2026-11-01T10:00:00.000Z, last used 2026-11-22T09:00:00.000Z, until 2027-01-21T09:00:00.000Z
        atproto
      "
    `)
    expect((await against(fake(answers), ['sessions', '--json'])).json).toEqual({
      ok: true,
      sessions,
      browsers,
      grants,
    })
    // As a server answers that does not list browsers yet.
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

  describe('ends the one that is named', () => {
    const END = 'com.cirrus.admin.endSessions'
    const sessions = [
      { id: '0011223344556677', client: 'Graysky', ...times },
      { id: '0011ffffffffffff', ...times },
    ]
    const browsers = [
      { id: 'PqcYcEbHmM0oNj0o', client: 'Firefox', via: 'password', remembered: true, ...times },
    ]
    const server = (ended: object) => fake({ [LIST]: { sessions, browsers }, [END]: ended })
    const asked = ({ calls }: ReturnType<typeof fake>) =>
      calls.filter(({ method }) => method === END).map(({ body }) => body)

    it.each([
      ['0011223344556677', '0011223344556677', { ended: 1 }, '1 session ended.'],
      ['00112', '0011223344556677', { ended: 1 }, '1 session ended.'],
      ['Pqc', undefined, {}, 'at least 4 characters'],
      ['PqcY', 'PqcYcEbHmM0oNj0o', { ended: 0, browsers: 1 }, '1 browser ended.'],
      ['0011', undefined, {}, 'the ids of 2 sessions or browsers begin with "0011"'],
      ['ffff', undefined, {}, 'no session or browser has the id "ffff"'],
      ['', undefined, {}, 'no session or browser has the id ""'],
    ])('by %j', async (given, id, answer, said) => {
      const cirrus = server(answer)
      const shown = await against(cirrus, ['end-sessions', given, '--yes'])
      expect(asked(cirrus)).toEqual(id === undefined ? [] : [{ id }])
      expect(shown.code).toBe(id === undefined ? 1 : 0)
      expect(shown.stdout + shown.stderr).toContain(said)
      if (id === undefined) expect(shown.stderr).toContain('Next: run `pds sessions`')
    })

    it('and names it in the question', async () => {
      const cirrus = server({ ended: 0, browsers: 1 })
      const shown = await against(cirrus, ['end-sessions', 'PqcY'], { tty: true, stdin: 'n' })
      expect(shown.stderr).toContain('Sign out the browser PqcYcEbHmM0oNj0o of Firefox?')
      expect(asked(cirrus)).toEqual([])
    })
  })
})

describe('pds grants', () => {
  const END = 'com.cirrus.admin.endGrants'
  const LIST = 'com.cirrus.admin.listGrants'
  const grants = ['aabbccddeeff0011', 'aabb000000000000'].map((id) => ({
    id,
    clientId: 'https://app.example/client.json',
    scope: 'atproto',
    createdAt: '2026-11-01T10:00:00.000Z',
    lastUsedAt: '2026-11-01T10:00:00.000Z',
    expiresAt: '2026-12-01T10:00:00.000Z',
  }))

  it('takes the access of one app, or of all, once that is confirmed', async () => {
    const server = fake({ [END]: { ended: 1 }, [LIST]: { grants } })
    const asked = () => server.calls.filter(({ method }) => method === END).map(({ body }) => body)
    const no = await against(server, ['grants', 'end', 'aabbcc'], { tty: true, stdin: 'n' })
    expect(no.code).toBe(4)
    expect(no.stderr).toContain('End the grant aabbccddeeff0011 of https://app.example/client.json?')
    expect(asked()).toEqual([])
    const one = await against(server, ['grants', 'end', 'aabbcc'], { tty: true, stdin: 'y' })
    expect([one.code, one.stdout]).toEqual([0, '1 grant ended.\n'])
    await against(server, ['grants', 'end', '--all', '--yes'])
    expect(asked()).toEqual([{ id: 'aabbccddeeff0011' }, { all: true }])
  })

  it.each([
    ['aabb', 'the ids of 2 grants begin with "aabb"'],
    ['ccdd', 'no grant has the id "ccdd"'],
  ])('ends none by %j, and names the command that lists them', async (given, said) => {
    const server = fake({ [LIST]: { grants } })
    const shown = await against(server, ['grants', 'end', given, '--yes'])
    expect(shown.code).toBe(1)
    expect(shown.stderr).toContain(said)
    expect(shown.stderr).toContain('Next: run `pds grants list`')
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
