import { type Answer, type Ask, inWords } from '../../ask.ts'
import { inText } from '../../inText.ts'
import { Unclear, type OwnSession, type Place, type Run } from '../../types.ts'
import { asOwner, postAsOwner } from '../asOwner.ts'
import { fieldsOf, notDone } from '../fieldsOf.ts'
import { notRefused } from '../methods/refusals.ts'
import * as rules from './rules.ts'

const NAMES = ['AccountDeactivated', 'RepoDeactivated']

/** What anyone reads of an account. */
export const readsOf = (run: Run): [string, Ask][] => {
  const { did, blob } = run.found.known
  return [
    ['com.atproto.sync.getRepo', { query: { did } }],
    ...(run.found.has.has('blob')
      ? ([['com.atproto.sync.getBlob', { query: { did, cid: blob } }]] satisfies [string, Ask][])
      : []),
  ]
}

/** The name of a refusal. That something is not refused at all, other rules say. */
const checkName = (
  run: Run,
  place: Place,
  answer: Answer | undefined,
  names: readonly string[],
): Promise<void> =>
  run.expect(rules.refusalName, { ...place, expected: names.join(' or ') }, async () => {
    if (answer === undefined) throw new Unclear('there was no answer')
    if (notRefused(answer) !== undefined) throw new Unclear(`it was not refused: ${inWords(answer)}`)
    return names.includes(answer.error ?? '') ? undefined : inWords(answer)
  })

/** What holds while the account is deactivated. */
export async function checkWhileDeactivated(run: Run, session: OwnSession): Promise<void> {
  const { did, handle } = session
  const place = (subject: string, name = 'while deactivated') => ({ subject, case: name })
  await run.expect(rules.says, place(rules.STATUS), async (ask) => {
    const answer = await ask(rules.STATUS, { query: { did } })
    const { active, status } = fieldsOf(answer)
    return active === false && status === 'deactivated'
      ? undefined
      : `active ${inText(active)}, status ${inText(status)}`
  })
  for (const [id, request] of readsOf(run)) {
    let answer: Answer | undefined
    await run.expect(rules.publicReads, place(id), async (ask) =>
      notRefused((answer = await ask(id, request))),
    )
    await checkName(run, place(id), answer, NAMES)
  }
  await run.expect(rules.probes, place('com.atproto.server.describeServer'), async (ask) =>
    notDone(await ask('com.atproto.server.describeServer')),
  )
  await run.expect(rules.handleProbe, place('com.atproto.identity.resolveHandle'), async (ask) =>
    notDone(await ask('com.atproto.identity.resolveHandle', { query: { handle } })),
  )
  let refusal: Answer | undefined
  await run.expect(rules.noWrites, place('com.atproto.repo.createRecord'), async (ask) => {
    const record = { $type: 'com.example.contract', note: 'while deactivated' }
    const body = { repo: did, collection: 'com.example.contract', record, validate: false }
    return notRefused((refusal = await ask('com.atproto.repo.createRecord', postAsOwner(session, body))))
  })
  await checkName(run, place('com.atproto.repo.createRecord'), refusal, ['AccountDeactivated'])
  await run.expect(rules.ownerReads, place(rules.CHECK), async (ask) => {
    const answer = await ask(rules.CHECK, asOwner(session))
    return (
      notDone(answer) ??
      (fieldsOf(answer)['activated'] === false ? undefined : 'it is not said to be deactivated')
    )
  })
  if (run.serves('app.bsky.actor.getPreferences'))
    await run.expect(rules.ownerReads, place('app.bsky.actor.getPreferences'), async (ask) =>
      notDone(await ask('app.bsky.actor.getPreferences', asOwner(session))),
    )
  await run.expect(rules.ownerReads, place('com.atproto.server.createSession'), async (ask) => {
    const answer = await ask('com.atproto.server.createSession', {
      verb: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(run.credentials),
    })
    const refresh = fieldsOf(answer)['refreshJwt']
    if (typeof refresh === 'string') {
      run.hide(refresh)
      const headers = { authorization: `Bearer ${refresh}` }
      await ask('com.atproto.server.deleteSession', { verb: 'POST', headers })
    }
    return notDone(answer)
  })
}
