import { isObject, type JsonObject } from '../../isObject.ts'
import type { Answer, Ask, Asking } from '../ask.ts'
import type { Area, OwnSession, Rule, Run } from '../types.ts'
import { hasEnded, openStream, OPENING_MS, type Frame, type Stream } from './firehose/stream.ts'

const PROFILES = ['source', 'target'] as const
const ACCOUNT = 'https://atproto.com/specs/account'
const GUIDE = 'https://atproto.com/guides/account-migration'

const rule = (id: string, level: Rule['level'], source: string, sentence: string): Rule => ({
  id: `lifecycle.${id}`,
  sentence,
  level,
  source,
  profiles: PROFILES,
})

const DEACTIVATE = 'com.atproto.server.deactivateAccount'
const ACTIVATE = 'com.atproto.server.activateAccount'
const CHECK = 'com.atproto.server.checkAccountStatus'
const STATUS = 'com.atproto.sync.getRepoStatus'

const deactivates = rule(
  'deactivates',
  'must',
  `lexicon ${DEACTIVATE}`,
  'The owner can deactivate the account.',
)
const says = rule(
  'says-so',
  'must',
  `${ACCOUNT}#hosting-status; lexicon ${STATUS}`,
  'getRepoStatus says that a deactivated account is not active, and why.',
)
const publicReads = rule(
  'public-reads',
  'must',
  `${ACCOUNT}#hosting-status`,
  'The public cannot read the repository and blobs of a deactivated account.',
)
const probes = rule(
  'probes',
  'must',
  `${GUIDE}: the server goes on answering for itself`,
  'describeServer is answered while an account is deactivated.',
)
const handleProbe = rule(
  'handle-probe',
  'house',
  'a Cirrus answers for the handle until the DID names another server: others would lose the account in between',
  'The handle of a deactivated account still resolves.',
)
const noWrites = rule(
  'no-writes',
  'must',
  `${ACCOUNT}#hosting-status`,
  'A deactivated account takes no record.',
)
const refusalName = rule(
  'refusal-name',
  'should',
  '@atproto/api signs out on 401 ExpiredToken or InvalidToken, and apps show the error’s name',
  'What a deactivated account refuses is named AccountDeactivated or RepoDeactivated.',
)
const ownerReads = rule(
  'owner-reads',
  'must',
  `${GUIDE}: the account’s state can be checked, and what is missing copied, at any time`,
  'The owner still signs in, and reads status and preferences of a deactivated account.',
)
const comesBack = rule(
  'comes-back',
  'must',
  `lexicon ${ACTIVATE}; ${ACCOUNT}#hosting-status`,
  'An account that is activated again serves what it served before.',
)
const events = rule(
  'events',
  'must',
  'https://atproto.com/specs/sync#account-event-messages',
  'Deactivation and activation are told as #account, the first with a status, the second before any #commit or #sync.',
)

const auth = ({ accessJwt }: OwnSession): Ask => ({ headers: { authorization: `Bearer ${accessJwt}` } })
const post = (session: OwnSession, body?: JsonObject): Ask => ({
  verb: 'POST',
  headers: {
    authorization: `Bearer ${session.accessJwt}`,
    ...(body ? { 'content-type': 'application/json' } : {}),
  },
  ...(body ? { body: JSON.stringify(body) } : {}),
})
const shown = ({ status, error }: Answer): string => `${status} ${error ?? ''}`.trim()
const mustWork = (answer: Answer): string | undefined => (answer.status === 200 ? undefined : shown(answer))
const mustRefuse = (answer: Answer): string | undefined =>
  answer.status >= 400 && answer.status < 500 ? undefined : shown(answer)
const field = ({ json }: Answer, name: string): unknown => (isObject(json) ? json[name] : undefined)

const NAMES = ['AccountDeactivated', 'RepoDeactivated']

/** What anyone reads of an account. */
const reads = (run: Run): [string, Ask][] => {
  const { did, blob } = run.found.known
  return [
    ['com.atproto.sync.getRepo', { query: { did } }],
    ...(run.found.has.has('blob')
      ? ([['com.atproto.sync.getBlob', { query: { did, cid: blob } }]] satisfies [string, Ask][])
      : []),
  ]
}

async function checkWhileDeactivated(run: Run, session: OwnSession): Promise<void> {
  const { did, handle } = session
  const place = (subject: string, name = 'while deactivated') => ({ subject, case: name })
  await run.expect(says, place(STATUS), async (ask) => {
    const answer = await ask(STATUS, { query: { did } })
    const [active, status] = [field(answer, 'active'), field(answer, 'status')]
    return active === false && status === 'deactivated' ? undefined : `active ${active}, status ${status}`
  })
  for (const [id, request] of reads(run)) {
    let answer: Answer | undefined
    await run.expect(publicReads, place(id), async (ask) => mustRefuse((answer = await ask(id, request))))
    const name = answer?.error
    await run.expect(refusalName, place(id), async () => (NAMES.includes(name ?? '') ? undefined : name))
  }
  await run.expect(probes, place('com.atproto.server.describeServer'), async (ask) =>
    mustWork(await ask('com.atproto.server.describeServer')),
  )
  await run.expect(handleProbe, place('com.atproto.identity.resolveHandle'), async (ask) =>
    mustWork(await ask('com.atproto.identity.resolveHandle', { query: { handle } })),
  )
  let refusal: Answer | undefined
  await run.expect(noWrites, place('com.atproto.repo.createRecord'), async (ask) => {
    const record = { $type: 'com.example.contract', note: 'while deactivated' }
    const body = { repo: did, collection: 'com.example.contract', record, validate: false }
    return mustRefuse((refusal = await ask('com.atproto.repo.createRecord', post(session, body))))
  })
  await run.expect(refusalName, place('com.atproto.repo.createRecord'), async () =>
    refusal?.error === 'AccountDeactivated' ? undefined : refusal && shown(refusal),
  )
  await run.expect(ownerReads, place(CHECK), async (ask) => {
    const answer = await ask(CHECK, auth(session))
    return (
      mustWork(answer) ??
      (field(answer, 'activated') === false ? undefined : 'it is not said to be deactivated')
    )
  })
  if (run.serves('app.bsky.actor.getPreferences'))
    await run.expect(ownerReads, place('app.bsky.actor.getPreferences'), async (ask) =>
      mustWork(await ask('app.bsky.actor.getPreferences', auth(session))),
    )
  await run.expect(ownerReads, place('com.atproto.server.createSession'), async (ask) => {
    const answer = await ask('com.atproto.server.createSession', {
      verb: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(run.credentials),
    })
    const refresh = field(answer, 'refreshJwt')
    if (typeof refresh === 'string') {
      run.hide(refresh)
      const headers = { authorization: `Bearer ${refresh}` }
      await ask('com.atproto.server.deleteSession', { verb: 'POST', headers })
    }
    return mustWork(answer)
  })
}

/** The records of an account, for comparison. */
async function recordsOf(ask: Asking, { known }: Run['found']): Promise<string> {
  const { did, collection } = known
  const { json } = await ask('com.atproto.repo.listRecords', {
    query: { repo: did, collection, limit: '100' },
  })
  return JSON.stringify(isObject(json) ? json['records'] : undefined)
}

/** The next #account of an account, and what came of it before. */
async function accountEvent(stream: Stream, did: string, before: string[]): Promise<Frame | undefined> {
  for (;;) {
    const next = await stream.next()
    if (hasEnded(next)) return undefined
    if (String(next.body['did'] ?? next.body['repo']) !== did) continue
    if (next.type === '#account') return next
    before.push(next.type)
  }
}

async function checkEvents(run: Run, stream: Stream, did: string): Promise<void> {
  await run.expect(
    events,
    { subject: 'com.atproto.sync.subscribeRepos', case: 'there and back' },
    async () => {
      const away = await accountEvent(stream, did, [])
      if (!away) return 'no #account came'
      const { active, status } = away.body
      if (active !== false || status !== 'deactivated') return `active ${active}, status ${status}`
      const between: string[] = []
      const back = await accountEvent(stream, did, between)
      if (!back) return 'no second #account came'
      if (back.body['active'] !== true) return `the second has active ${back.body['active']}`
      const early = between.find((type) => type === '#commit' || type === '#sync')
      return early === undefined ? undefined : `a ${early} came before it`
    },
  )
}

/** An account is deactivated, and comes back. Only with write. */
export const lifecycle: Area = {
  name: 'lifecycle',
  rules: [
    deactivates,
    says,
    publicReads,
    probes,
    handleProbe,
    noWrites,
    refusalName,
    ownerReads,
    comesBack,
    events,
  ],
  async check(run) {
    if (!run.write || !run.serves(DEACTIVATE) || !run.serves(ACTIVATE)) return
    const session = await run.session()
    if (!session)
      return run.unclear(deactivates, { subject: DEACTIVATE, case: 'by the owner' }, 'there is no session')
    const before = await recordsOf(run.ask, run.found)
    const stream = openStream(run, {})
    try {
      // Opened before the first event.
      await run.deps.sleep(OPENING_MS)
      let isAway = false
      const activate = (ask: Asking) => ask(ACTIVATE, post(session))
      run.made('the deactivation', async () => {
        if (isAway && (await activate(run.ask)).status !== 200)
          throw new Error('the account is still deactivated')
      })
      await run.expect(deactivates, { subject: DEACTIVATE, case: 'by the owner' }, async (ask) => {
        isAway = true
        return mustWork(await ask(DEACTIVATE, post(session, {})))
      })
      await checkWhileDeactivated(run, session)
      await run.expect(comesBack, { subject: ACTIVATE, case: 'by the owner' }, async (ask) => {
        const answer = await activate(ask)
        if (answer.status !== 200) return shown(answer)
        isAway = false
        const after = await recordsOf(ask, run.found)
        return after === before ? undefined : 'its records are not the same'
      })
      for (const [id, request] of reads(run))
        await run.expect(comesBack, { subject: id, case: 'after activation' }, async (ask) =>
          mustWork(await ask(id, request)),
        )
      await checkEvents(run, stream, session.did)
    } finally {
      stream.close()
    }
  },
}
