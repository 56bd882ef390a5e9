/** How a run is made of expectations: what is asked, hidden, paced, cleaned up and reported. */
import { describe, expect, it } from 'vitest'
import { ContractError } from '../../src/contract/contractError.ts'
import { applyKnown } from '../../src/contract/known/knownDifferences.ts'
import { createPace } from '../../src/contract/pace.ts'
import { runContract, type ContractOptions } from '../../src/contract/run.ts'
import { Unclear, type Area, type ContractDeps, type Rule } from '../../src/contract/types.ts'

const rule: Rule = {
  id: 'test.rule',
  sentence: 'It answers 200.',
  level: 'must',
  source: 'here',
  profiles: ['source'],
}

const SESSION = {
  did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
  handle: 'alice.example',
  accessJwt: 'eyJhbGciOiJIUzI1NiJ9.eyJzY29wZSI6ImEifQ.signature',
  refreshJwt: 'the-refresh-token',
}

const deps = (answer: (request: Request) => Response): ContractDeps => ({
  fetch: async (request) => answer(request),
  WebSocket: (() => {
    throw new Error('none')
  }) as never,
  now: () => 0,
  sleep: async () => {},
  random: (length) => new Uint8Array(length),
  signal: new AbortController().signal,
})

const run = (
  area: Partial<Area>,
  answer: (request: Request) => Response,
  more: Partial<ContractOptions> = {},
) =>
  runContract({
    url: 'https://pds.example/',
    lexicons: [],
    deps: deps(answer),
    areas: [{ name: 'test', rules: [rule], check: async () => {}, ...area }],
    ...more,
  })

describe('a run', () => {
  it('reports what is kept and broken, with the requests as curl', async () => {
    const { findings } = await run(
      {
        async check({ expect: expectRule }) {
          for (const id of ['com.example.good', 'com.example.bad'])
            await expectRule(rule, { subject: id, case: 'a request' }, async (ask) => {
              const { status } = await ask(id, { query: { a: "it's" } })
              return status === 200 ? undefined : `${status}`
            })
        },
      },
      ({ url }) => new Response('{}', { status: url.includes('bad') ? 404 : 200 }),
    )
    const own = findings.filter(({ rule: { id } }) => id === rule.id)
    expect(own.map(({ subject, outcome, got }) => [subject, outcome, got])).toEqual([
      ['com.example.good', 'kept', 'as expected'],
      ['com.example.bad', 'broken', '404'],
    ])
    expect(own[1]?.exchanges[0]).toMatchObject({
      curl: "curl -i 'https://pds.example/xrpc/com.example.bad?a=it%27s'",
      status: 404,
    })
  })

  it('breaks an expectation to which no answer comes, and goes on', async () => {
    const { findings } = await run(
      {
        async check({ expect: expectRule }) {
          await expectRule(rule, { subject: 'x', case: 'a request' }, async (ask) => {
            await ask('com.example.dead')
            return undefined
          })
          await expectRule(rule, { subject: 'y', case: 'another' }, async () => undefined)
        },
      },
      ({ url }) => {
        if (url.includes('dead')) throw new TypeError('connection reset')
        return new Response('{}')
      },
    )
    const own = findings.filter(({ rule: { id } }) => id === rule.id)
    expect(own.map(({ outcome, got }) => [outcome, got])).toEqual([
      ['broken', 'no answer: connection reset'],
      ['kept', 'as expected'],
    ])
    expect(own[0]?.exchanges).toHaveLength(1)
  })

  it('leaves unclear what the server answered 429 to, whatever the rule makes of it', async () => {
    const { findings } = await run(
      {
        async check(own) {
          const asked = (problem: () => string | undefined) => async (ask: typeof own.ask) => {
            await ask('com.example.limited')
            return problem()
          }
          const place = { subject: 'x', case: 'one' }
          await own.expect(
            rule,
            place,
            asked(() => 'wrong'),
          )
          // A refusal keeps many a rule.
          await own.expect(
            rule,
            place,
            asked(() => undefined),
          )
          await own.expect(
            rule,
            place,
            asked(() => {
              throw new Error('nothing to read')
            }),
          )
          own.judge(rule, place, 'wrong', [await own.ask('com.example.limited')])
        },
      },
      ({ url }) => new Response('{}', { status: url.includes('limited') ? 429 : 200 }),
    )
    const own = findings.filter(({ rule: { id } }) => id === rule.id)
    const limited = 'the server limits the rate of requests (429)'
    expect(own.map(({ outcome, reason }) => [outcome, reason])).toEqual(
      Array.from({ length: 4 }, () => ['unclear', limited]),
    )
  })

  it('leaves unclear what cannot be judged, and judges several rules by one answer', async () => {
    const { findings } = await run(
      {
        async check(own) {
          await own.expect(rule, { subject: 'x', case: 'one' }, () =>
            Promise.reject(new Unclear('too large')),
          )
          own.judge(rule, { subject: 'x', case: 'two' }, 'wrong', [await own.ask('com.example.a')])
        },
      },
      () => Response.json({}),
    )
    const own = findings.filter(({ rule: { id } }) => id === rule.id)
    expect(own.map(({ outcome, got, reason }) => [outcome, got, reason])).toEqual([
      ['unclear', 'too large', 'too large'],
      ['broken', 'wrong', undefined],
    ])
    expect(own[1]?.exchanges[0]?.curl).toContain('com.example.a')
  })

  it('gives a body to what takes it, which may stop before its end', async () => {
    let taken = 0
    let cancelled = false
    const endless = () =>
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(1000)),
        cancel: () => void (cancelled = true),
      })
    await run(
      {
        async check(own) {
          const answer = await own.ask('com.example.endless', {
            take: async (body) => {
              for await (const chunk of body) if ((taken += chunk.length) > 5000) return
            },
          })
          expect([answer.bytes.length, answer.exchange.body]).toEqual([0, '(6000 bytes)'])
        },
      },
      ({ url }) => new Response(url.includes('endless') ? endless() : '{}'),
    )
    expect([taken, cancelled]).toEqual([6000, true])
  })

  it('asks once what may be used again', async () => {
    const asked: string[] = []
    await run(
      {
        async check({ ask }) {
          for (const limit of ['1', '1', '2'])
            await ask('com.example.same', { query: { limit }, reuse: true })
          await ask('com.example.same', { query: { limit: '2' } })
        },
      },
      ({ url }) => {
        asked.push(url)
        return new Response('{}')
      },
    )
    expect(asked.filter((url) => url.includes('com.example.same'))).toEqual([
      'https://pds.example/xrpc/com.example.same?limit=1',
      'https://pds.example/xrpc/com.example.same?limit=2',
      'https://pds.example/xrpc/com.example.same?limit=2',
    ])
  })

  it('tells what a server has from what it would forward', async () => {
    const method = (name: string) => ({
      lexicon: 1 as const,
      id: `com.example.${name}` as const,
      defs: { main: { type: 'query' as const } },
    })
    const report = await run(
      {},
      ({ url, method: verb }) => {
        if (url.includes('describeServer')) return Response.json({})
        if (url.includes('gone')) return new Response('', { status: 404 })
        // Only a method that is here knows its verb; all else is for someone who has signed in.
        const status = url.includes('here') && verb === 'POST' ? 400 : 401
        return Response.json({ error: 'No' }, { status })
      },
      { lexicons: ['here', 'gone', 'forwarded'].map(method) },
    )
    expect(report.absent).toEqual(['com.example.gone', 'com.example.forwarded'])
  })

  it('tries only the rules of the profiles and levels that are asked for', async () => {
    const house: Rule = { ...rule, id: 'test.house', level: 'house' }
    const other: Rule = { ...rule, id: 'test.daily', profiles: ['daily'] }
    const area: Partial<Area> = {
      rules: [rule, house, other],
      async check({ expect: expectRule }) {
        for (const one of [rule, house, other])
          await expectRule(one, { subject: 'x', case: 'one' }, async () => undefined)
      },
    }
    const ids = async (more: Partial<ContractOptions>) =>
      (await run(area, () => Response.json({}), more)).findings
        .map(({ rule: { id } }) => id)
        .filter((id) => id.startsWith('test.'))
    expect(await ids({})).toEqual(['test.rule', 'test.daily'])
    expect(await ids({ house: true, profiles: ['source'] })).toEqual(['test.rule', 'test.house'])
  })

  it('signs in once, shows no secret, ends the session, and says what stays', async () => {
    const called: string[] = []
    const report = await run(
      {
        async check(own) {
          const session = await own.session()
          own.made('a thing', () => Promise.reject(new Error('it would not go')))
          await own.expect(rule, { subject: 'x', case: 'one' }, async (ask) => {
            await ask('com.example.secret', {
              headers: { authorization: `Bearer ${session?.accessJwt}` },
              verb: 'POST',
              body: 'with secret-password in it',
            })
            return undefined
          })
        },
      },
      ({ url, headers }) => {
        called.push(`${url} ${headers.get('authorization') ?? ''}`)
        return Response.json(SESSION)
      },
      { credentials: { identifier: 'alice', password: 'secret-password' } },
    )
    const shown = JSON.stringify(report)
    for (const secret of [SESSION.accessJwt, SESSION.refreshJwt, 'secret-password'])
      expect(shown).not.toContain(secret)
    expect(called.filter((line) => line.includes('createSession'))).toHaveLength(1)
    expect(called.at(-1)).toBe(
      'https://pds.example/xrpc/com.atproto.server.deleteSession Bearer the-refresh-token',
    )
    expect([report.removed, report.left]).toEqual([['the session'], ['a thing: it would not go']])
  })

  it('goes on after an area that throws, says so, and cleans up', async () => {
    const undone: string[] = []
    const report = await run(
      {
        async check({ made }) {
          made('one', async () => void undone.push('one'))
          made('two', async () => void undone.push('two'))
          throw new Error('a bug')
        },
      },
      () => Response.json({}),
    )
    expect(report.incomplete).toEqual([{ area: 'test', reason: 'a bug' }])
    expect(undone).toEqual(['two', 'one'])
  })

  it('ends on an interrupt with what it found, and cleans up with requests of its own', async () => {
    const stop = new AbortController()
    const asked: string[] = []
    const pending: string[] = []
    const report = await run(
      {
        async check({ made, ask, expect: expectRule }) {
          made('a record', async () => void (await ask('com.example.delete')))
          await expectRule(rule, { subject: 'x', case: 'before' }, async () => undefined)
          stop.abort()
          await expectRule(rule, { subject: 'x', case: 'after' }, async (askAfter) => {
            await askAfter('com.example.more')
            return undefined
          })
        },
      },
      () => Response.json({}),
      {
        deps: {
          ...deps(() => Response.json({})),
          signal: stop.signal,
          fetch: async ({ url }) => {
            asked.push(url.split('/').at(-1) ?? '')
            return Response.json({})
          },
        },
        onCleanup: (what) => pending.push(...what),
      },
    )
    expect(report).toMatchObject({ interrupted: true, removed: ['a record'], left: [], incomplete: [] })
    expect(report.findings.map((finding) => finding.case)).toContain('before')
    expect(asked).not.toContain('com.example.more')
    expect(asked.at(-1)).toBe('com.example.delete')
    expect(pending).toEqual(['a record'])
  })

  it('ends when the server answers nothing any more, instead of reporting each request', async () => {
    let alive = true
    const { incomplete, findings } = await run(
      {
        async check({ expect: expectRule }) {
          alive = false
          for (let i = 0; i < 100; i++)
            await expectRule(rule, { subject: 'x', case: `${i}` }, async (ask) => {
              await ask('com.example.a')
              return undefined
            })
        },
      },
      () => {
        if (!alive) throw new TypeError('fetch failed')
        return Response.json({})
      },
    )
    expect(incomplete).toEqual([
      { area: 'test', reason: expect.stringContaining('the server answers nothing any more') },
    ])
    expect(findings.filter(({ rule: { id } }) => id === rule.id).length).toBeLessThan(12)
  })

  it('says how far it is', async () => {
    const seen: unknown[] = []
    await run(
      {
        requests: () => 2,
        async check({ ask }) {
          await ask('com.example.a')
          await ask('com.example.b')
        },
      },
      () => Response.json({}),
      { onProgress: (progress) => seen.push(progress) },
    )
    expect(seen.at(-1)).toMatchObject({ area: 'test', step: 1, steps: 1, left: 0 })
    expect(seen.at(-2)).toMatchObject({ left: 1 })
  })

  describe('does not begin', () => {
    const code = (answer: (request: Request) => Response, more: Partial<ContractOptions> = {}) =>
      run({}, answer, more).then(
        () => 'begun',
        (cause: unknown) => (cause instanceof ContractError ? cause.code : cause),
      )
    const credentials = { identifier: 'alice', password: 'secret-password' }
    it('where nothing answers, or something that is not a PDS', async () => {
      expect(
        await code(() => {
          throw new TypeError('fetch failed')
        }),
      ).toBe('server-silent')
      const html = { headers: { 'content-type': 'text/html' } }
      expect(await code(() => new Response('<h1>hello</h1>', html))).toBe('not-a-pds')
      expect(await code(() => new Response('', { status: 404 }))).toBe('not-a-pds')
      expect(await code(() => Response.redirect('https://www.pds.example/', 301))).toBe('not-a-pds')
    })
    it('without the sign-in that it was given', async () => {
      const refuse = ({ url }: Request) =>
        url.includes('createSession')
          ? Response.json({ error: 'AuthenticationRequired' }, { status: 401 })
          : Response.json({})
      expect(await code(refuse, { credentials })).toBe('sign-in-refused')
    })
    it('to write to an account that has records, unless its owner says so', async () => {
      const holding = (collections: string[]) => () => Response.json({ ...SESSION, collections })
      const written = { credentials, write: true }
      expect(await code(holding(['app.bsky.feed.post']), written)).toBe('account-has-records')
      expect(await code(holding([]), written)).toBe('begun')
      const told = { ...written, accountHasRecords: true }
      expect(await code(holding(['app.bsky.feed.post']), told)).toBe('begun')
      // Nothing says whether there are records.
      expect(await code(() => Response.json(SESSION), written)).toBe('account-has-records')
    })
  })
})

describe('known differences', () => {
  const broken = {
    rule,
    subject: 'com.example.a',
    case: 'one',
    outcome: 'broken' as const,
    expected: '',
    got: '404 NotHere',
    exchanges: [],
  }
  it('explain what is broken, and are stale once they are not true any more', () => {
    const differences = [
      { rule: rule.id, subject: 'com\\.example\\.a', got: '^404', reason: 'it is old' },
      { rule: rule.id, subject: 'com\\.example\\.b', reason: 'it was old' },
      { rule: rule.id, subject: 'com\\.example\\.never', reason: 'not tried' },
    ]
    const { findings, stale } = applyKnown(
      [broken, { ...broken, subject: 'com.example.b', outcome: 'kept' }],
      differences,
    )
    expect(findings[0]).toMatchObject({ outcome: 'known', reason: 'it is old' })
    expect(stale).toEqual([{ rule: rule.id, subject: 'com\\.example\\.b', reason: 'it was old' }])
  })

  it('are not stale in a run that does not write, where only one that does sees them', () => {
    const kept = { ...broken, outcome: 'kept' as const }
    const differences = [{ rule: rule.id, write: true, reason: 'only then' }]
    expect(applyKnown([kept], differences, false).stale).toEqual([])
    expect(applyKnown([kept], differences, true).stale).toHaveLength(1)
  })

  it('explain nothing else', () => {
    const { findings } = applyKnown([broken], [{ rule: rule.id, got: '^500', reason: 'no' }])
    expect(findings[0]?.outcome).toBe('broken')
  })
})

it('sends at most so many requests a second', async () => {
  let time = 0
  const pace = createPace({ now: () => time, sleep: async (ms) => void (time += ms) }, 5)
  for (let i = 0; i < 11; i++) await pace.turn()
  expect([time, pace.count()]).toEqual([2000, 11])
})

it('tries nothing with an admin password that is wrong', async () => {
  const called: string[] = []
  const refusing = run(
    {},
    ({ url }) => {
      called.push(new URL(url).pathname)
      return url.includes('getStatus')
        ? Response.json({ error: 'AuthenticationRequired' }, { status: 401 })
        : Response.json({ did: 'did:web:pds.example', availableUserDomains: [] })
    },
    { house: true, adminPassword: 'not-the-password' },
  )
  await expect(refusing).rejects.toMatchObject({ code: 'sign-in-refused' })
  expect(called.filter((path) => path.includes('getStatus'))).toHaveLength(1)
})

it('ends where a server lets requests hang, however often it answers in between', async () => {
  let time = 0
  let asked = 0
  const hanging = await runContract({
    url: 'https://pds.example',
    lexicons: [],
    deps: {
      ...deps(({ url }) => {
        if (!url.includes('com.example.hangs'))
          return Response.json({ did: 'did:web:pds.example', availableUserDomains: [] })
        asked++
        time += 120_000
        throw new TypeError('timed out')
      }),
      now: () => time,
    },
    areas: [
      {
        name: 'test',
        rules: [rule],
        async check(own) {
          for (let i = 0; i < 1000; i++)
            await own.expect(rule, { subject: 'x', case: String(i) }, async (ask) => {
              await ask('com.example.hangs')
              return undefined
            })
        },
      },
    ],
  })
  expect(asked).toBeLessThan(10)
  expect(hanging.incomplete).toEqual([{ area: 'test', reason: expect.stringContaining('without an answer') }])
})
