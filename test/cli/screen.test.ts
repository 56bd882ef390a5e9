// What a user sees, and what a script gets.
import type { Status } from '../../src/cli/servers/status.ts'
import { VERSION } from '../../src/version.ts'
import { describe, expect, it } from 'vitest'
import { commands } from '../../src/cli/commands/index.ts'
import { against, DID, error, fake, HOST, status, TOKEN } from './fake.ts'
import { member, pds } from './support.ts'

const TARGET = 'https://new.example.com'
const targeted = () =>
  fake({
    [`${TARGET} com.atproto.server.describeServer`]: {
      did: 'did:web:new.example.com',
      availableUserDomains: [],
    },
  })

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
        sessions           List who is signed in: client, since when, last use, and the id for \`pds end-sessions\`.
        end-sessions       Sign a client out, or all of them: their tokens are refused from now on.
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

describe('pds status', () => {
  it('shows a repository that the server fetches, until it is there', async () => {
    const time = '2026-11-22T10:00:00.000Z'
    const pull = {
      source: 'https://old.example.com',
      phase: 'tokenNeeded',
      received: 70_000_000,
      size: 300_000_000,
      message: 'old.example.com answered with status 401',
      startedAt: time,
      changedAt: time,
    }
    const shown = await against(fake({ 'com.cirrus.admin.getPull': { pull } }), ['status'])
    expect(shown.stdout).toContain(
      'fetching the repository from https://old.example.com: needs another token',
    )
    expect(shown.stdout).toMatch(/[\d.]+ MB of [\d.]+ MB fetched/)
    expect(shown.stdout).toContain('answered with status 401')
    const done = { pull: { ...pull, phase: 'done' } }
    const quiet = await against(fake({ 'com.cirrus.admin.getPull': done }), ['status'])
    expect(quiet.stdout).not.toContain('fetching')
  })

  it('says that did.json is served here, where it names another PDS', async () => {
    const didDocument = { pds: 'https://new.example.com', signingKey: 'did:key:zQ3sh' }
    const shown = await against(fake({ 'com.cirrus.admin.getStatus': status({ didDocument }) }), ['status'])
    expect(shown.stdout).toContain('served here, and names https://new.example.com: keep this host name')
  })

  it('shows failed sign-ins and refused tokens, where there are any', async () => {
    const signIns = { failedInARow: 1203, lastFailedAt: '2026-11-22T10:00:00.000Z', refusedTokens: 1 }
    const shown = await against(fake({ 'com.cirrus.admin.getStatus': status({ signIns }) }), ['status'])
    expect(shown.stdout).toContain(
      '1,203 wrong passwords since the last good one, the last 2026-11-22T10:00:00.000Z',
    )
    expect(shown.stdout).toContain('1 token refused in the last day')
    const none = status({ signIns: { failedInARow: 0, refusedTokens: 0 } })
    const quiet = await against(fake({ 'com.cirrus.admin.getStatus': none }), ['status'])
    expect(quiet.stdout).not.toContain('Sign-ins')
  })

  it('says when the server runs another version than the one that is installed here', async () => {
    const shown = (versions: Status['versions']) =>
      against(fake({ 'com.cirrus.admin.getStatus': status({ versions }) }), ['status'])
    const other = await shown({ program: '0.0.9', schema: 5 })
    expect(other.stdout).toContain(`the server runs 0.0.9, and this pds is ${VERSION}: deploy again`)
    expect((await shown(undefined)).stdout).toContain('the server runs an earlier version')
    expect((await against(fake(), ['status'])).stdout).not.toContain('this pds is')
  })

  it('says whether the relays follow, and how far the AppView is behind', async () => {
    const shown = async (reach: object) =>
      (await against(fake({ 'com.cirrus.admin.getReach': reach }), ['status'])).stdout
    const text = await shown({
      relays: [
        { relay: 'https://a.example', status: 'active', behind: 3 },
        { relay: 'https://b.example', status: 'offline' },
        { relay: 'https://c.example', error: 'it does not say (501)' },
      ],
      appView: { url: 'https://api.example', known: true, handle: 'handle.invalid', behindMs: 300_000 },
    })
    expect(text).toContain('https://a.example  follows, 3 events behind')
    expect(text).toContain('https://b.example  gave this server up, and is asked again within hours')
    expect(text).toContain('https://c.example  not known: it does not say (501)')
    expect(text).toContain('https://api.example  knows the account, 5 min behind')
    expect(text).toContain('it could not verify the handle')
    const unknown = await shown({ relays: [], appView: { url: 'https://api.example', known: false } })
    expect(unknown).toContain('does not know the account yet')
    expect(unknown).not.toContain('Relays')
  })

  it('is a table that ends with the next command', async () => {
    expect((await against(fake(), ['status'])).stdout).toMatchInlineSnapshot(`
      "Account     alice.example.com  did:plc:ewvi7nxzyoun6zhxrhs64oiz
      Server      https://alice.example.com  Cirrus 0.1.0, database 7
      State       active
      Identity    PDS https://alice.example.com (this server)
                  signing key did:key:zQ3shnFYs7Xgs9uFPHfRNCw4EV53UGutJJg5EDW9hrrzMw46R
                  rotation keys, the highest first
                  1. did:key:zQ3shTmj4FXn9ZqxBjGkzfvhB9Bbshmrz9bGbL8Ag9dTNLvgs
                  2. did:key:zQ3shnFYs7Xgs9uFPHfRNCw4EV53UGutJJg5EDW9hrrzMw46R
                  head bafyreics4vcrrrjdvmx26323vuz4hyhlrjdf3stqag7fbqg2xazkpczm2q
      Repository  rev 3n2vjx2vlms22, 1,234 records, 2,345 blocks
                  commit bafyreibfqglqbe4vepmnmtirec324no5axxjttfqyaympwauj5n4cuvffm
      Blobs       55 of 56 blobs stored
      Journal     2026-11-22T10:00:00.000Z  activate
      Next        All is well: nothing to do.
      "
    `)
  })

  it('warns of what is near a limit', async () => {
    const warnings = [{ name: 'database-size', message: 'The database has 8,000 MB.' }]
    const shown = await against(fake({ 'com.cirrus.admin.getStatus': status({ warnings }) }), ['status'])
    expect(shown.stdout).toMatch(/^Warnings +The database has 8,000 MB\.$/m)
  })

  it('shows what was signed and not submitted', async () => {
    const waiting = {
      cid: 'bafyrei',
      signedAt: '2026-11-22T09:00:00.000Z',
      pds: TARGET,
      changes: ['the PDS changes'],
    }
    const shown = await against(fake({ 'com.cirrus.admin.getStatus': status({ unsubmitted: [waiting] }) }), [
      'status',
    ])
    expect(shown.stdout).toContain('bafyrei, signed 2026-11-22T09:00:00.000Z, to https://new.example.com')
  })
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

describe('pds check', () => {
  it('exits with 3 if it finds problems', async () => {
    const counts = { records: 1, blocks: 2, blobs: 3, events: 4, journal: 1 }
    const bad = fake({
      'com.cirrus.admin.checkRepo': { ok: false, problems: ['the block x is missing'], ...counts },
    })
    const found = await against(bad, ['check'])
    expect(found.code).toBe(3)
    expect(found.stdout).toMatch(/the block x is missing[^]*docs\/troubleshoot\.md#check-failed/)
  })
})

describe('pds request-crawl', () => {
  const CRAWL = 'com.cirrus.admin.requestCrawl'
  const relay = 'https://relay.example.com'

  it('asks the named relays, and says what each answered', async () => {
    const server = fake({ [CRAWL]: { hostname: HOST, results: [{ relay, ok: true }] } })
    const asked = await against(server, ['request-crawl', '--relay', `${relay}/`])
    expect([asked.code, asked.stdout]).toEqual([
      0,
      `Asked to crawl ${HOST}:\nhttps://relay.example.com  asked\n`,
    ])
    expect(server.calls.find(({ method }) => method === CRAWL)?.body).toEqual({ relays: [relay] })
  })

  it('exits with 3 if a relay refuses, and with 0 if none is configured', async () => {
    const refusal = { relay, ok: false, error: 'it answered 403 \u001b[31mno' }
    const refused = await against(fake({ [CRAWL]: { hostname: HOST, results: [refusal] } }), [
      'request-crawl',
    ])
    expect(refused.code).toBe(3)
    expect(refused.stdout).toMatch(/it answered 403[^]*docs\/troubleshoot\.md#crawl-refused/)
    expect(refused.stdout).not.toContain('\u001b')
    const none = await against(fake({ [CRAWL]: { hostname: HOST, results: [] } }), ['request-crawl'])
    expect([none.code, none.stdout]).toEqual([0, expect.stringContaining('No relay is configured')])
  })

  it('says why it cannot ask: the account is not active, or the relay is not a URL', async () => {
    const error = new Response(JSON.stringify({ error: 'AccountNotActive', message: 'deactivated' }), {
      status: 400,
      headers: { 'content-type': 'application/json' },
    })
    const told = await against(fake({ [CRAWL]: error }), ['request-crawl', '--json'])
    expect(told.json).toMatchObject({ error: { code: 'account-not-active' } })
    expect((await against(fake(), ['request-crawl', '--relay', 'relay'])).code).toBe(2)
  })
})

describe('pds emit-identity', () => {
  const EMIT = 'com.cirrus.admin.emitIdentity'

  it('says what was told to the network, also if the directory did not answer', async () => {
    const event = { seq: 42, did: DID, handle: HOST }
    const emitted = await against(fake({ [EMIT]: event }), ['emit-identity'])
    expect([emitted.code, emitted.stdout]).toEqual([0, `Event 42: ${HOST} (${DID}).\n`])
    const blind = await against(fake({ [EMIT]: { ...event, error: 'plc.directory is down' } }), [
      'emit-identity',
    ])
    expect([blind.code, blind.stderr]).toEqual([0, expect.stringContaining('plc.directory is down')])
  })
})
