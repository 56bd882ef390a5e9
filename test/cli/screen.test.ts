// What a user sees, and what a script gets.
import { describe, expect, it } from 'vitest'
import { commands } from '../../src/cli/commands/index.ts'
import { against, error, fake, status } from './fake.ts'
import { member, pds } from './support.ts'

describe('pds', () => {
  it('lists its commands', async () => {
    const help = await pds(['--help'])
    expect(help.code).toBe(0)
    expect(help.stdout).toMatchInlineSnapshot(`
      "pds: your Cirrus, from the command line

      Usage  pds <command> [flags]

        init               Set up a folder: identity, keys, wrangler.toml, .dev.vars.
        dev                Run this deployment on this machine, with an account to try it.
        upgrade            Add to wrangler.toml what this version of Cirrus needs.
        status             Show what is where, and the one next command to run.
        doctor             Check everything that an account needs, from DNS to relays, and say what to do.
        preflight          Before a move: check everything that can be known, and say what to mend. It changes nothing.
        migrate-token      Mint a token, valid for 15 minutes, with which another PDS moves the account.
        revoke-tokens      Revoke every migration token that was minted until now.
        deactivate         Stop accepting writes and serving the public, after a move. Nothing is deleted.
        verify             Prove that a move is complete, and keep a statement of it; or check such a statement.
        activate           Activate the account: a new one, one that moved in, or one that was deactivated.
        move               Move an account to another PDS: this Cirrus’s, or any that you can sign in to.
        did-web-move       Of a did:web under this host name: have its did.json name another PDS, or this one again.
        backup             Back up the whole account to a folder; verify a backup; or restore it on this machine, as a drill.
        restore            Bring this server to the state of a backup.
        import             Move an account in from another PDS.
        identity           Show what the DID document and the PLC directory say. --void: make a signed, unsubmitted operation worthless.
        handle             Give the account another handle, once DNS or a well-known file says that it is yours.
        rehost             Give this server another host name: wrangler.toml, the DID, the relays, and what to do by hand.
        rotate-key         Replace the signing key: a new one, the DID, the account; the old one stays the rotation key.
        recovery-key       Create a recovery key, or put one above every other rotation key of the DID.
        undo-op            Sign the operation that undoes the next move, beforehand. --check: say whether it is still fresh.
        undo               Undo the last move of the account, within 72 hours, with what was written since.
        teardown           After a move: check that this server may go, and say what to delete, in which order. It deletes nothing.
        emit-identity      Tell the network to look up the DID again: handle, key and server.
        request-crawl      Ask relays to subscribe to this server now.
        set-password       Set another account password: in the key file, .dev.vars and the Worker.
        app-password       Create, list or revoke app passwords: one for each app, which opens less than the account password.
        passkey            Sign in to the pages without the password: register, list and remove passkeys.
        sessions           List who is signed in: client, since when, last use, and the id that ends it.
        end-sessions       Sign a client or a browser out, or all of them: their tokens are refused from now on.
        grants             List the apps that have access by OAuth, or take it from one or all.
        check              Read the whole repository on the server and recompute everything derived from it.
        log                Show the journal: tokens, signatures, sign-ins, activations. --verify checks its hash chain.
        watch              Show the events that the network sees, and how many subscribers there are. Ctrl-C ends it.
        release-retention  After a move: let what this server keeps of the account be replaced or deleted already.
        delete-account     Delete the account on this server, for ever.
        rehearse-target    For authors of PDSes: move a made-up account to a server, and say what the server got wrong.

      Flags of every command
        --dev          Talk to the local server of \`npm run dev\`.
        --host <host>  The server. Default: HOSTNAME of wrangler.toml.
        --json         Print the result, or the error, as one JSON object.
        -y, --yes      Answer yes to every confirmation.
        -h, --help     Print this help.

      Exit codes: 0 done; 1 failed; 2 wrong command line; 3 done, and problems were found;
      4 an answer or a confirmation is missing; 5 failed for now, try again later; 130 interrupted.
      Errors are explained in docs/troubleshoot.md.
      "
    `)
  })

  it.each(commands.map(({ name }) => name))(
    'explains %s, even without a folder or a server',
    async (name) => {
      const help = await pds([name, '--help'])
      expect([help.code, help.stderr]).toEqual([0, ''])
      expect(help.stdout).toMatch(new RegExp(`^Usage  pds ${name}`))
      expect((await pds(['help', name])).stdout).toBe(help.stdout)
    },
  )

  it.each([
    [['sttus'], 'pds status'],
    [['status', '--nope'], 'pds status --help'],
    [['status', 'more'], 'pds status --help'],
    [['backup'], 'pds backup --help'],
    [['export'], 'pds backup --help'],
    [['import', '--from', './folder'], 'pds restore ./folder'],
    [['migrate-token', '--target'], 'pds migrate-token --help'],
    [['migrate-token', '--target='], 'pds migrate-token --help'],
    [['log', '--limit', 'x'], 'pds log --help'],
    [['import'], 'pds import --help'],
  ])('refuses %j and says what to run instead', async (args, next) => {
    const wrong = await pds(args)
    expect([wrong.code, wrong.stdout]).toEqual([2, ''])
    expect(wrong.stderr).toContain(next)
    expect(wrong.stderr).toContain('docs/troubleshoot.md#usage')
  })

  it('shows errors as one JSON object on stdout with --json', async () => {
    const wrong = await pds(['status', '--json', '--nope'])
    expect(wrong.stderr).toBe('')
    expect(wrong.json).toMatchObject({
      ok: false,
      error: { code: 'usage', docs: 'docs/troubleshoot.md#usage' },
    })
  })
})

describe('colour', () => {
  const escape = '\u001B['
  it('is for terminals only, and NO_COLOR switches it off', async () => {
    const show = (options: object) =>
      against(fake(), ['status'], options).then(({ stdout }) => stdout.includes(escape))
    expect(await show({})).toBe(false)
    expect(await show({ colour: true })).toBe(true)
    expect(await show({ colour: true, env: { NO_COLOR: '1' } })).toBe(false)
    expect(await show({ colour: true, env: { TERM: 'dumb' } })).toBe(false)
    expect(await show({ env: { FORCE_COLOR: '1' } })).toBe(true)
  })

  it('cannot be set by a server’s answer', async () => {
    const evil = fake({ 'com.cirrus.admin.getStatus': status({ next: '\u001B[2Jgone\u202Eevil' }) })
    const shown = await against(evil, ['status'])
    expect(shown.stdout).not.toContain(escape)
    expect(shown.stdout).not.toContain('\u202E')
  })
})

describe('what the server refuses', () => {
  const refused = (answer: Response) =>
    against(fake({ 'com.cirrus.admin.getStatus': answer }), ['status', '--json'])
  it.each([
    [error(401, 'AuthenticationRequired', 'wrong password'), 1, 'wrong-admin-password'],
    [error(429, 'RateLimitExceeded', 'slow down', { 'retry-after': '60' }), 5, 'rate-limit'],
    [error(502, 'UpstreamFailure', 'plc down'), 5, 'directory-unavailable'],
    [error(500, 'InternalServerError', 'id 123'), 5, 'server-error'],
    [error(501, 'MethodNotImplemented', 'no'), 1, 'not-cirrus'],
    [new Response('<html>', { status: 404 }), 1, 'not-cirrus'],
    [
      error(400, 'InvalidRequest', 'no account. See docs/troubleshoot.md#account-absent'),
      1,
      'account-absent',
    ],
    [error(400, 'InvalidRequest', 'no'), 1, 'refused'],
  ])('%# is reported by its name, with an exit code', async (answer, code, name) => {
    const told = await refused(answer)
    expect([told.code, member(told.json, 'error', 'code')]).toEqual([code, name])
  })

  it('says how long to wait', async () => {
    const told = await refused(error(429, 'RateLimitExceeded', 'slow down', { 'retry-after': '60' }))
    expect(member(told.json, 'error', 'next')).toBe('wait 60 seconds, then run the command again')
  })

  it('has an error of its own if no server answers', async () => {
    const nobody = { ...fake(), fetch: async () => Promise.reject(new TypeError('fetch failed')) }
    expect((await against(nobody, ['status', '--json'])).json).toMatchObject({
      error: { code: 'host-unreachable' },
    })
    expect(
      (
        await pds(['status', '--dev', '--json'], {
          cwd: '/',
          fetch: nobody.fetch,
          env: { ADMIN_PASSWORD: 'x', ADMIN_PASSWORD_HOST: 'localhost:8787' },
        })
      ).json,
    ).toMatchObject({
      error: { code: 'dev-not-running' },
    })
  })
})

describe('the admin password', () => {
  it('is asked for in a terminal, and never shown', async () => {
    const server = fake()
    const shown = await against(server, ['status'], {
      tty: true,
      stdin: 'typed-canary',
      env: { ADMIN_PASSWORD: '' },
    })
    expect(shown.code, shown.stderr).toBe(0)
    expect(server.calls[0]?.authorization).toBe(`Basic ${btoa('admin:typed-canary')}`)
    expect(shown.stdout + shown.stderr).not.toContain('typed-canary')
  })

  it('is reported as missing if there is no terminal', async () => {
    const missed = await against(fake(), ['status', '--json'], { env: { ADMIN_PASSWORD: '' } })
    expect([missed.code, member(missed.json, 'error', 'code')]).toEqual([4, 'no-admin-password'])
  })

  it('is not in the output, whatever goes wrong', async () => {
    for (const args of [['status'], ['migrate-token'], ['check'], ['log', '--verify'], ['activate']])
      for (const answer of [
        error(401, 'AuthenticationRequired', 'no'),
        error(500, 'InternalServerError', 'no'),
      ]) {
        const methods = ['getStatus', 'checkRepo', 'getJournal'].map(
          (name) => [`com.cirrus.admin.${name}`, answer] as const,
        )
        const shown = await against(fake(Object.fromEntries(methods)), args, { env: { PDS_DEBUG: '1' } })
        expect(shown.stdout + shown.stderr).not.toContain('admin-canary')
      }
  })
})
