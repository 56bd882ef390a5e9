import { describe, expect, it } from 'vitest'
import { HOST, TOKEN, against, fake, status } from './fake.ts'

const TARGET = 'https://new.example.com'
const targeted = () =>
  fake({
    [`${TARGET} com.atproto.server.describeServer`]: {
      did: 'did:web:new.example.com',
      availableUserDomains: [],
    },
  })

describe('pds migrate-token', () => {
  it('prints only the token on stdout; on stderr what it allows, until when, and what is next', async () => {
    const minted = await against(targeted(), ['migrate-token', '--target', TARGET])
    expect([minted.code, minted.stdout]).toEqual([0, `${TOKEN}\n`])
    expect(minted.stderr).not.toContain(TOKEN)
    expect(minted.stderr).toMatchInlineSnapshot(`
      "Migration token of alice.example.com (did:plc:ewvi7nxzyoun6zhxrhs64oiz)
        for     https://new.example.com (did:web:new.example.com)
        until   2026-11-22T10:15:00.000Z, 15 minutes from now
        allows  repo:read         read the repository
                blob:read         read the images and other blobs
                preferences:read  read the private preferences
                account:create    create the account on the target
                plc:sign          have this server sign the PLC operation that moves the DID
      Next:
        1. give the token to the import of https://new.example.com
        2. when the DID names the target (\`pds status\`), run \`pds deactivate\`
        3. if it gets into the wrong hands: \`pds revoke-tokens\`
      "
    `)
  })

  describe('to a target whose service DID does not name its host', () => {
    const stranger = 'did:plc:vwzwgnygau7ed7b7wt5ux7y2'
    const claims = () =>
      fake({
        [`${TARGET} com.atproto.server.describeServer`]: { did: stranger, availableUserDomains: [] },
      })
    const command = ['migrate-token', '--target', TARGET]
    const minted = (server: ReturnType<typeof claims>) =>
      server.calls.some(({ method }) => method === 'com.cirrus.admin.createMigrationToken')

    it('mints nothing where nobody can be asked, and says which flag names the DID', async () => {
      const server = claims()
      const script = await against(server, [...command, '--yes'])
      expect([script.code, script.stdout, minted(server)]).toEqual([4, '', false])
      expect(script.stderr).toContain(`${TARGET} says that its service DID is ${stranger}`)
      expect(script.stderr).toContain(`add --target-did ${stranger}`)
      const json = await against(claims(), [...command, '--json'])
      expect(json.json).toMatchObject({ ok: false, error: { code: 'target-did' } })
    })

    it('asks where somebody can answer, in spite of --yes', async () => {
      const server = claims()
      const no = await against(server, [...command, '--yes'], { tty: true, stdin: 'n' })
      expect([no.code, no.stdout, minted(server)]).toEqual([4, '', false])
      const yes = await against(claims(), command, { tty: true, stdin: 'y' })
      expect([yes.code, yes.stdout]).toEqual([0, `${TOKEN}\n`])
    })

    it('mints without a question when --target-did names it, and for no other DID', async () => {
      const named = await against(claims(), [...command, '--target-did', stranger])
      expect([named.code, named.stdout]).toEqual([0, `${TOKEN}\n`])
      for (const [server, did] of [
        [claims(), 'did:web:new.example.com'],
        [targeted(), stranger],
      ] as const) {
        const other = await against(server, [...command, '--target-did', did])
        expect([other.code, other.stdout, minted(server)]).toEqual([4, '', false])
        expect(other.stderr).toContain(`--target-did is ${did}`)
      }
      const alone = await against(fake(), ['migrate-token', '--target-did', stranger])
      expect([alone.code, alone.stdout]).toEqual([2, ''])
    })
  })

  it('binds the token to what the target says about itself', async () => {
    const server = targeted()
    await against(server, ['migrate-token', '--target', TARGET])
    expect(server.calls.find(({ method }) => method.endsWith('createMigrationToken'))?.body).toEqual({
      audience: 'did:web:new.example.com',
      target: TARGET,
    })
  })

  it('sends the target no credential', async () => {
    const server = targeted()
    await against(server, ['migrate-token', '--target', TARGET])
    const asked = server.calls.filter(({ origin }) => origin === TARGET)
    expect(asked.map(({ authorization }) => authorization)).toEqual([null])
  })

  it('mints no token for the server itself', async () => {
    const server = fake()
    const minted = await against(server, ['migrate-token', '--target', `https://${HOST}`])
    expect([minted.code, minted.stdout]).toEqual([2, ''])
    expect(server.calls.some(({ method }) => method.endsWith('createMigrationToken'))).toBe(false)
  })

  it('warns if a move cannot be undone', async () => {
    const { identity } = status()
    const server = fake({
      'com.cirrus.admin.getStatus': status({ identity: { ...identity, recoverable: false } }),
    })
    expect((await against(server, ['migrate-token'])).stderr).toContain(
      'docs/troubleshoot.md#no-recovery-key',
    )
    const reading = await against(server, ['migrate-token', '--scope', 'repo:read,blob:read'])
    expect(reading.stderr).not.toContain('Warning')
    expect((await against(server, ['migrate-token', '--json'])).json).toMatchObject({
      token: TOKEN,
      warnings: [{}],
    })
  })

  it('refuses an unknown scope', async () => {
    const wrong = await against(fake(), ['migrate-token', '--scope', 'repo:write'])
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('"repo:write" is not a scope')])
  })
})
