/** `pds-contract` as a person and a script see it. What it finds is tested in test/contract. */
import { readFile, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { RULES } from '../../../src/contract/areas.ts'
import { contract } from '../../../src/cli/contract/contract.ts'
import { folder, member, pds } from '../support.ts'
import { pdsContract, server } from './support.ts'

const URL_ = 'http://localhost:2583'
const ONLY = ['--only', 'answer']
const failing = server({
  'com.atproto.sync.listRepos': () => Response.json({ error: 'Oops' }, { status: 500 }),
})

describe('pds-contract', () => {
  it('ends with 0 where nothing is broken, and shows the summary last', async () => {
    const { code, stdout, stderr } = await pdsContract([URL_, ...ONLY], { fetch: server() })
    expect(code).toBe(0)
    expect(stdout).toMatch(/must +\d+ kept, 0 broken\n[^]*\nNothing is broken of level must\.\n$/)
    expect(stderr).toMatch(/^Requests: \d+ \(0 findings\)$/m)
  })

  it('ends with 3 where something is, with rule, source, request, and what came', async () => {
    const { code, stdout } = await pdsContract([URL_, ...ONLY], { fetch: failing })
    expect(code).toBe(3)
    expect(stdout).toContain(`must   answer.no-failure
  No request makes the server fail.
  https://atproto.com/specs/xrpc#summary-of-http-status-codes: 500 is an internal error
  com.atproto.sync.listRepos: any request
    Request  curl -i 'http://localhost:2583/xrpc/com.atproto.sync.listRepos'
    Got      500 Oops`)
    expect(stdout).toMatch(
      /1 finding of level must, of 1 rule\.\nSee docs\/troubleshoot\.md#contract-broken\n$/,
    )
  })

  it('counts should only with --strict', async () => {
    const closed = server({
      'com.atproto.sync.listRepos': () =>
        Response.json({}, { headers: { 'access-control-allow-origin': 'https://only.example' } }),
    })
    expect((await pdsContract([URL_, ...ONLY], { fetch: closed })).code).toBe(0)
    const strict = await pdsContract([URL_, ...ONLY, '--strict'], { fetch: closed })
    expect(strict.code).toBe(3)
    expect(strict.stdout).toContain('1 finding of level must or should, of 1 rule.')
  })

  it('prints one JSON object with --json, and no progress', async () => {
    const { code, json, stderr } = await pdsContract([URL_, ...ONLY, '--json'], { fetch: failing })
    expect([code, stderr]).toEqual([3, ''])
    expect(json).toMatchObject({ format: 1, ok: false, origin: URL_, server: 'unknown', levels: ['must'] })
    const broken = Object(member(json, 'findings')).filter(
      ({ outcome }: { outcome: string }) => outcome === 'broken',
    )
    expect(broken).toEqual([
      {
        rule: 'answer.no-failure',
        level: 'must',
        subject: 'com.atproto.sync.listRepos',
        case: 'any request',
        outcome: 'broken',
        expected: 'No request makes the server fail.',
        got: '500 Oops',
        exchanges: [expect.objectContaining({ status: 500, body: '{"error":"Oops"}' })],
      },
    ])
  })

  it('lists its rules without asking anybody', async () => {
    const nobody = { fetch: () => Promise.reject(new Error('asked')) }
    const { code, json } = await pdsContract(['--list-rules', '--json'], nobody)
    expect([code, Object(member(json, 'rules')).length]).toEqual([0, RULES.length])
    const text = await pdsContract(['--list-rules'], nobody)
    expect(text.stdout).toContain('answer.cors (should; source, target, daily)')
  })

  it('says what its flags are, and takes the server as a flag, too', async () => {
    const help = await pdsContract(['--help'])
    expect([help.code, help.stderr]).toEqual([0, ''])
    expect(help.stdout).toContain('pds-contract <url> [flags]')
    const flagged = await pdsContract(['--url', URL_, ...ONLY], { fetch: server() })
    expect(flagged.code).toBe(0)
  })

  it.for([
    [[], 'takes <url>: it is missing'],
    [[URL_, '--url', URL_], 'it is there twice'],
    [['https://pds.example.com/path'], 'is not a host'],
    [[URL_, '--profile', 'sauce'], '--profile "sauce" is not a profile'],
    [[URL_, '--only', 'com.atproto.sink'], '--only "com.atproto.sink" is neither a method nor a rule'],
    [[URL_, '--rate', 'fast'], '--rate "fast" is not a number of requests a second'],
    [[URL_, '--rate', '0'], '--rate "0"'],
    [[URL_, '--write'], '--write needs --identifier'],
    [[URL_, '--bogus'], "Unknown option '--bogus'"],
    [[URL_, '--did'], '--did'],
    [[URL_, '--plc', 'ftp://plc.example'], '--plc'],
  ] as const)('refuses a wrong command line before it asks anything: %j', async ([args, message]) => {
    let asked = 0
    const counting: typeof fetch = async () => Response.json({ asked: (asked += 1) })
    const { code, stderr } = await pdsContract(args, { fetch: counting })
    expect([code, asked]).toEqual([2, 0])
    expect(stderr).toContain(message)
    expect(stderr).toContain('Next:')
  })

  it('says what is there instead of a PDS', async () => {
    const dead = await pdsContract([URL_], {
      fetch: () =>
        Promise.reject(new TypeError('fetch failed', { cause: new Error('getaddrinfo ENOTFOUND') })),
    })
    expect(dead.code).toBe(1)
    expect(dead.stderr).toContain(`Error: ${URL_}: no answer: fetch failed (getaddrinfo ENOTFOUND)`)
    const page = await pdsContract([URL_], {
      fetch: async () => new Response('<h1>Hello', { headers: { 'content-type': 'text/html' } }),
    })
    expect(page.code).toBe(1)
    expect(page.stderr).toContain(
      'is not a PDS: to com.atproto.server.describeServer it answers 200 text/html',
    )
    const moved = await pdsContract([URL_], {
      fetch: async () => new Response('', { status: 301, headers: { location: 'https://pds.example.com/' } }),
    })
    expect(moved.stderr).toContain('redirects com.atproto.server.describeServer to https://pds.example.com/')
  })

  it('asks for the password in a terminal, takes it from the environment, and shows it nowhere', async () => {
    const identifier = 'alice.example.com'
    const refused = server({
      'com.atproto.server.createSession': () =>
        Response.json({ error: 'AuthenticationRequired', message: 'Invalid password' }, { status: 401 }),
    })
    const args = [URL_, '--identifier', identifier, '--write']
    const absent = await pdsContract(args, { fetch: refused })
    expect(absent.code).toBe(4)
    expect(absent.stderr).toContain('CONTRACT_PASSWORD')
    const typed = await pdsContract(args, { fetch: refused, tty: true, stdin: 'hunter2-hunter2' })
    expect(typed.code).toBe(1)
    expect(typed.stderr).toContain('alice.example.com could not sign in: 401 AuthenticationRequired')
    const given = await pdsContract(args, { fetch: refused, env: { CONTRACT_PASSWORD: 'hunter2-hunter2' } })
    for (const { stdout, stderr } of [typed, given]) expect(stdout + stderr).not.toContain('hunter2')
  })

  it('writes to no account that has records', async () => {
    const called: string[] = []
    const holding: typeof fetch = async (input) => {
      const request = new Request(input)
      if (request.method === 'POST') called.push(new URL(request.url).pathname)
      return Response.json({
        did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
        handle: 'alice.example.com',
        accessJwt: 'access-token',
        refreshJwt: 'refresh-token',
        collections: ['app.bsky.feed.post'],
      })
    }
    const env = { CONTRACT_PASSWORD: 'hunter2-hunter2' }
    const { code, stderr } = await pdsContract([URL_, '--identifier', 'alice.example.com', '--write'], {
      fetch: holding,
      env,
    })
    expect(code).toBe(2)
    expect(stderr).toContain('alice.example.com has records')
    expect(stderr).toContain('--account-has-records')
    expect(called).toEqual([
      '/xrpc/com.atproto.server.createSession',
      '/xrpc/com.atproto.server.deleteSession',
    ])
  })

  it('ends with 130 on an interrupt, with what it found', async () => {
    const stop = new AbortController()
    let requests = 0
    const interrupted: typeof fetch = async (input, init) => {
      if ((requests += 1) === 30) stop.abort()
      return failing(input, init)
    }
    const { code, stdout } = await pdsContract([URL_, ...ONLY], { fetch: interrupted, signal: stop.signal })
    expect(code).toBe(130)
    expect(stdout).toContain('Interrupted: what is missing was not tried.')
    expect(requests).toBeLessThan(40)
  })

  it('takes lexicon documents from a folder, and says what is wrong with them', async () => {
    await using place = await folder()
    const query = { type: 'query', output: { encoding: 'application/json' } }
    const document = { lexicon: 1, id: 'com.example.getThing', defs: { main: query } }
    await writeFile(place.in('thing.json'), JSON.stringify(document))
    const args = [URL_, '--lexicons', '.', '--only', 'com.example', '--json']
    const asked: string[] = []
    const counting: typeof fetch = async (input, init) => {
      asked.push(new Request(input).url)
      return server()(input, init)
    }
    // That the server refuses a valid query is found.
    const { code, json } = await pdsContract(args, { fetch: counting, cwd: place.path })
    expect([code, member(json, 'findings')]).toEqual([
      3,
      expect.arrayContaining([
        expect.objectContaining({
          rule: 'reads.valid',
          subject: 'com.example.getThing',
          outcome: 'broken',
        }),
      ]),
    ])
    expect(asked).toContain(`${URL_}/xrpc/com.example.getThing`)
    await writeFile(place.in('thing.json'), '{"lexicon": 2}')
    const bad = await pdsContract([URL_, '--lexicons', '.'], { fetch: server(), cwd: place.path })
    expect(bad.code).toBe(2)
    expect(bad.stderr).toContain('thing.json: lexicon: expected 1, not 2')
  })

  it('asks nothing without its own documents, of which some say who may call a method', async () => {
    await using place = await folder()
    const asked: string[] = []
    const fetch = async (input: unknown) => {
      asked.push(String(input))
      return new Response()
    }
    const { code, stderr } = await pds([URL_], { fetch, cwd: place.path }, contract)
    expect([code, asked]).toEqual([2, []])
    expect(stderr).toContain('the documents of this package: ')
    expect(stderr).toContain('install cirrus-pds again')
  })

  it('writes JUnit XML', async () => {
    await using place = await folder()
    const { code } = await pdsContract([URL_, ...ONLY, '--junit', 'out/report.xml'], {
      fetch: failing,
      cwd: place.path,
    })
    expect(code).toBe(3)
    expect(await readFile(place.in('out/report.xml'), 'utf8')).toContain(
      '<failure message="500 Oops" type="must">Expected: No request makes the server fail.',
    )
  })
})
