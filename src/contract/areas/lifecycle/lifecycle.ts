import { inWords, type Asking } from '../../ask.ts'
import { isObject } from '../../../isObject.ts'
import type { Area, Run } from '../../types.ts'
import { postAsOwner } from '../asOwner.ts'
import { notDone } from '../fieldsOf.ts'
import { openStream, OPENING_MS, SUBSCRIBE } from '../firehose/stream.ts'
import { checkEvents } from './checkEvents.ts'
import { checkWhileDeactivated, readsOf } from './checkWhileDeactivated.ts'
import * as rules from './rules.ts'

/** The records of an account, for comparison. */
async function recordsOf(ask: Asking, { known }: Run['found']): Promise<string> {
  const { did, collection } = known
  const { json } = await ask('com.atproto.repo.listRecords', {
    query: { repo: did, collection, limit: '100' },
  })
  return JSON.stringify(isObject(json) ? json['records'] : undefined)
}

/** An account is deactivated, and comes back. Only with write. */
export const lifecycle: Area = {
  name: 'lifecycle',
  rules: rules.RULES,
  async check(run) {
    if (!run.write || !run.serves(rules.DEACTIVATE) || !run.serves(rules.ACTIVATE)) return
    const session = await run.session()
    if (!session)
      return run.unclear(
        rules.deactivates,
        { subject: rules.DEACTIVATE, case: 'by the owner' },
        'there is no session',
      )
    const before = await recordsOf(run.ask, run.found)
    const stream = openStream(run, {})
    try {
      // Opened before the first event.
      await run.deps.sleep(OPENING_MS)
      let [isAway, wasAway] = [false, false]
      const activate = (ask: Asking) => ask(rules.ACTIVATE, postAsOwner(session))
      run.made('the deactivation', async () => {
        if (isAway && (await activate(run.ask)).status !== 200)
          throw new Error('the account is still deactivated')
      })
      await run.expect(
        rules.deactivates,
        { subject: rules.DEACTIVATE, case: 'by the owner' },
        async (ask) => {
          isAway = true
          const answer = await ask(rules.DEACTIVATE, postAsOwner(session, {}))
          wasAway = answer.status === 200
          return notDone(answer)
        },
      )
      await checkWhileDeactivated(run, session)
      await run.expect(rules.comesBack, { subject: rules.ACTIVATE, case: 'by the owner' }, async (ask) => {
        const answer = await activate(ask)
        if (answer.status !== 200) return inWords(answer)
        isAway = false
        const after = await recordsOf(ask, run.found)
        return after === before ? undefined : 'its records are not the same'
      })
      for (const [id, request] of readsOf(run))
        await run.expect(rules.comesBack, { subject: id, case: 'after activation' }, async (ask) =>
          notDone(await ask(id, request)),
        )
      const place = { subject: SUBSCRIBE, case: 'there and back' }
      if (wasAway && !isAway) await checkEvents(run, stream, session.did)
      else run.unclear(rules.events, place, 'the account was not deactivated and activated')
    } finally {
      stream.close()
    }
  },
}
