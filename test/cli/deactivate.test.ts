import { describe, expect, it } from 'vitest'
import { HOST, against, fake, status } from './fake.ts'

const TARGET = 'https://new.example.com'

describe('pds deactivate', () => {
  const deactivateAccount = { 'com.atproto.server.deactivateAccount': {} }
  const asked = (server: ReturnType<typeof fake>) =>
    server.calls.some(({ method }) => method.endsWith('deactivateAccount'))

  it('says what will happen, asks, and does nothing if the answer is no', async () => {
    const server = fake(deactivateAccount)
    const no = await against(server, ['deactivate'], { tty: true, stdin: 'n' })
    expect([no.code, asked(server)]).toEqual([4, false])
    expect(no.stderr).toContain('offline everywhere')
  })

  it('needs --yes if nobody can be asked', async () => {
    const server = fake(deactivateAccount)
    expect([(await against(server, ['deactivate'])).code, asked(server)]).toEqual([4, false])
  })

  it('then says what to delete, in which order, and what each step breaks', async () => {
    const { identity } = status()
    const gone = status({ identity: { ...identity, pds: TARGET, movedAway: true } })
    const server = fake({ ...deactivateAccount, 'com.cirrus.admin.getStatus': gone })
    const done = await against(server, ['deactivate', '--yes'])
    expect([done.code, asked(server)]).toEqual([0, true])
    expect(done.stderr).not.toContain('Warning')
    expect(done.stdout).toMatchInlineSnapshot(`
      "alice.example.com is deactivated on alice.example.com.
      To shut it down for good, later (\`pds teardown\` says when), in this order:
        0. keep a backup: \`pds backup <dir>\` (it still works now) and the key file that \`pds init\` wrote
        1. the Worker: npx wrangler delete cirrus
           breaks: Reading what the target may still lack, turning back, and every answer under alice.example.com. The database and the secrets are deleted with it. Your handle alice.example.com, which this Worker vouches for: first change the handle, or set a DNS TXT record _atproto.alice.example.com.
        2. the R2 bucket: npx wrangler r2 bucket delete cirrus-blobs
           breaks: The last copy of blobs that the target lacks. Keep it as an archive, or first check that checkAccountStatus of the target counts as many imported blobs as expected.
        3. the DNS records: in the Cloudflare dashboard, the records of alice.example.com
           breaks: The name alice.example.com: anyone who registers the domain next speaks for it. Your handle is lost with it.
      "
    `)
  })

  it('warns that a did:web depends on this host', async () => {
    const own = status({ did: `did:web:${HOST}` })
    const done = await against(fake({ ...deactivateAccount, 'com.cirrus.admin.getStatus': own }), [
      'deactivate',
      '--yes',
    ])
    expect(done.stdout).toContain('Your DID itself')
  })
})
