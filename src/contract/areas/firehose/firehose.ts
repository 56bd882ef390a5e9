import type { Answer } from '../../ask.ts'
import type { Area, Run } from '../../types.ts'
import { checkReplay } from './checkReplay.ts'
import { checkSlowReader } from './checkSlowReader.ts'
import { checkWrites } from './checkWrites.ts'
import * as rules from './rules.ts'
import { hasEnded, openStream, SUBSCRIBE } from './stream.ts'
import { inText } from '../../inText.ts'

const refusedPlainly = ({ status }: Answer): string | undefined =>
  status >= 400 && status < 500 ? undefined : `${status}`

/** A cursor far beyond any that a server gives out, and still an integer of JSON. */
const FUTURE = 2 ** 53 - 1

/** The answer to a cursor that a server cannot begin at: its error, or how the stream ended without one. */
async function errorFor(run: Run, cursor: string): Promise<string> {
  const stream = openStream(run, { cursor })
  try {
    const first = await stream.next()
    if (hasEnded(first)) return first.opened ? `no message; ${first.reason}` : `refused; ${first.reason}`
    if (first.op !== -1) return `${first.type} with seq ${first.seq}`
    const error = inText(first.body['error'])
    const after = await stream.next()
    return hasEnded(after) && !after.silent ? error : `${error}, and the stream stays open`
  } finally {
    stream.close()
  }
}

async function checkHandshake(run: Run): Promise<void> {
  const place = (name: string) => ({ subject: SUBSCRIBE, case: name })
  await run.expect(rules.plainRequest, place('a GET without an upgrade'), async (ask) =>
    refusedPlainly(await ask(SUBSCRIBE)),
  )
  await run.expect(rules.futureCursor, place('the largest cursor'), async () => {
    const got = await errorFor(run, String(FUTURE))
    return got === 'FutureCursor' ? undefined : got
  })
  await run.expect(rules.badCursor, place('a word'), async () => {
    const got = await errorFor(run, 'not-a-number')
    return got.startsWith('#') ? `it begins with ${got}` : undefined
  })
}

/** The event stream: what relays live on. */
export const firehose: Area = {
  name: 'firehose',
  rules: rules.RULES,
  requests: ({ write }) => (write ? 110 : 10),
  async check(run) {
    if (!(await opensAtAll(run))) return
    await checkHandshake(run)
    await checkReplay(run)
    if (!run.write) return
    await checkWrites(run)
    await checkSlowReader(run)
  },
}

/** Whether there is a stream. Without one, nothing else is tried. */
async function opensAtAll(run: Run): Promise<boolean> {
  let opened = false
  await run.expect(rules.opens, { subject: SUBSCRIBE, case: 'without a cursor' }, async () => {
    const stream = openStream(run, {})
    try {
      const first = await stream.next()
      opened = !hasEnded(first) || first.silent
      return opened ? undefined : hasEnded(first) ? first.reason : undefined
    } finally {
      stream.close()
    }
  })
  return opened
}
