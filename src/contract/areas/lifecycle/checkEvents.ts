import { inText } from '../../inText.ts'
import type { Run } from '../../types.ts'
import { hasEnded, SUBSCRIBE, type Frame, type Stream } from '../firehose/stream.ts'
import { events } from './rules.ts'

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

/** Whether the stream has told both. */
export async function checkEvents(run: Run, stream: Stream, did: string): Promise<void> {
  await run.expect(events, { subject: SUBSCRIBE, case: 'there and back' }, async () => {
    const away = await accountEvent(stream, did, [])
    if (!away) return 'no #account came'
    const { active, status } = away.body
    if (active !== false || status !== 'deactivated')
      return `active ${inText(active)}, status ${inText(status)}`
    const between: string[] = []
    const back = await accountEvent(stream, did, between)
    if (!back) return 'no second #account came'
    if (back.body['active'] !== true) return `the second has active ${inText(back.body['active'])}`
    const early = between.find((type) => type === '#commit' || type === '#sync')
    return early === undefined ? undefined : `a ${early} came before it`
  })
}
