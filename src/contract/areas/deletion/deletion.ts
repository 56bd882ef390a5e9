import { inText } from '../../inText.ts'
import type { Area, MadeAccount, Run } from '../../types.ts'
import { asOwner } from '../asOwner.ts'
import { notDone } from '../fieldsOf.ts'
import { hasEnded, openStream, OPENING_MS, type Stream } from '../firehose/stream.ts'
import { notRefused } from '../methods/refusals.ts'
import { deleteByMail, deleteWith, requestDeletion } from './deleteByMail.ts'
import * as rules from './rules.ts'

const { REQUEST, DELETE } = rules
const AFTER = 'after the deletion'

async function checkGone(run: Run, { session, password }: MadeAccount): Promise<void> {
  const { did } = session
  for (const [id, query] of [
    ['com.atproto.sync.getRepo', { did }],
    ['com.atproto.sync.getLatestCommit', { did }],
    ['com.atproto.repo.describeRepo', { repo: did }],
  ] as const)
    await run.expect(rules.unread, { subject: id, case: AFTER }, async (ask) =>
      notRefused(await ask(id, { query })),
    )
  const sign = 'com.atproto.server.createSession'
  await run.expect(rules.signedOut, { subject: sign, case: AFTER }, async (ask) => {
    const answer = await ask(sign, {
      verb: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ identifier: did, password }),
    })
    return notRefused(answer)
  })
  const get = 'com.atproto.server.getSession'
  await run.expect(rules.signedOut, { subject: get, case: AFTER }, async (ask) =>
    notRefused(await ask(get, asOwner(session))),
  )
  const refresh = 'com.atproto.server.refreshSession'
  await run.expect(rules.signedOut, { subject: refresh, case: AFTER }, async (ask) => {
    const headers = { authorization: `Bearer ${session.refreshJwt}` }
    return notRefused(await ask(refresh, { verb: 'POST', headers }))
  })
}

/** Whether the stream tells of it. What it has told of the account before is passed over. */
async function checkEvent(run: Run, stream: Stream, did: string): Promise<void> {
  const place = { subject: 'com.atproto.sync.subscribeRepos', case: AFTER }
  await run.expect(rules.event, place, async () => {
    let last = 'no #account came'
    for (;;) {
      const next = await stream.next()
      if (hasEnded(next)) return last
      if (next.type !== '#account' || next.body['did'] !== did) continue
      const { active, status } = next.body
      if (active === false && status === 'deleted') return undefined
      last = `active ${inText(active)}, status ${inText(status)}`
    }
  })
}

async function checkDeletion(run: Run, account: MadeAccount): Promise<void> {
  let isAsked = false
  const mailedAt = run.deps.now()
  await run.expect(rules.mailsCode, { subject: REQUEST, case: 'by the owner' }, async (ask) => {
    const answer = await requestDeletion(ask, account)
    isAsked = answer.status === 200
    return notDone(answer)
  })
  if (!isAsked) return
  await run.expect(
    rules.onlyThatCode,
    { subject: DELETE, case: 'with a made-up code, while another one is good' },
    async (ask) => notRefused(await deleteWith(ask, account, 'AAAAA-BBBBB')),
  )
  const stream = openStream(run, {})
  try {
    // Opened before the event.
    await run.deps.sleep(OPENING_MS)
    let isDeleted = false
    await run.expect(rules.deletes, { subject: DELETE, case: 'with the mailed code' }, async (ask) => {
      const answer = await deleteByMail(run, ask, account, mailedAt)
      isDeleted = answer.status === 200
      return notDone(answer)
    })
    if (!isDeleted) return
    run.gone()
    await checkGone(run, account)
    await checkEvent(run, stream, account.session.did)
  } finally {
    stream.close()
  }
}

/** The account that the run has made is deleted, with the code that its server mails. Never another one. */
export const deletion: Area = {
  name: 'deletion',
  rules: rules.RULES,
  requests: (run) => (run.madeAccount && run.mailedCode ? 10 : 0),
  async check(run) {
    const { madeAccount, mailedCode } = run
    if (madeAccount && mailedCode && run.serves(REQUEST) && run.serves(DELETE))
      await checkDeletion(run, madeAccount)
  },
}
