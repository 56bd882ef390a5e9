import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, type Output as MethodOutput, XrpcError } from '../../client/index.ts'
import { readRecords, type RepoEvent, subscribeRepos } from '../../client/subscribe.ts'
import { serverError } from '../servers/serverErrors.ts'
import { command, type Context } from '../command.ts'
import { EXIT } from '../exit.ts'
import { CliError, messageOf } from '../errors.ts'
import { count, type Paint } from '../terminal/output.ts'

type Listed = MethodOutput<'com.cirrus.admin.listSubscribers'>

/** How many operations of one commit are shown; with `--json` all are. */
const MAX_SHOWN_OPS = 20
/** How often the server is asked for its subscribers. */
const SUBSCRIBERS_INTERVAL_MS = 5000

const eventName = ({ $type }: RepoEvent): string => $type.split('#')[1] ?? $type

const eventSummary = (event: RepoEvent): string => {
  switch (event.$type) {
    case 'com.atproto.sync.subscribeRepos#commit':
      return `${event.repo}  rev ${event.rev}${event.ops.length === 0 ? ', nothing changed' : ''}`
    case 'com.atproto.sync.subscribeRepos#sync':
      return `${event.did}  rev ${event.rev}`
    case 'com.atproto.sync.subscribeRepos#identity':
      return `${event.did}  ${event.handle ?? 'no handle'}`
    case 'com.atproto.sync.subscribeRepos#account':
      return `${event.did}  ${event.active ? 'active' : (event.status ?? 'inactive')}`
  }
}

const STYLES = { create: 'green', update: 'yellow', delete: 'red' } as const
const isAction = (action: string): action is keyof typeof STYLES => Object.hasOwn(STYLES, action)

export const eventText = (event: RepoEvent, paint: Paint): string => {
  const head = `${event.seq}  ${event.time}  ${paint('bold', eventName(event).padEnd(8))}  ${eventSummary(event)}`
  const ops = 'ops' in event ? event.ops : []
  const lines = ops.slice(0, MAX_SHOWN_OPS).map(({ action, path }) => {
    const word = action.padEnd(6)
    return `    ${isAction(action) ? paint(STYLES[action], word) : word}  ${path}`
  })
  const rest = ops.length - lines.length
  return [head, ...lines, ...(rest > 0 ? [paint('dim', `    and ${count(rest, 'more', 'more')}`)] : [])].join(
    '\n',
  )
}

/** The event as JSON, with the records instead of the blocks. */
const eventData = async (event: RepoEvent): Promise<object> => {
  const type = eventName(event)
  if (event.$type === 'com.atproto.sync.subscribeRepos#sync') {
    const { $type: _, blocks, ...rest } = event
    return { type, ...rest, size: blocks.length }
  }
  if (event.$type !== 'com.atproto.sync.subscribeRepos#commit') {
    const { $type: _, ...rest } = event
    return { type, ...rest }
  }
  const { $type: _, blocks, commit, prevData, blobs: __, ops, ...rest } = event
  // A commit that cannot be read is shown too, with the problem.
  const records = await readRecords(event).catch((cause: unknown) => cause)
  return {
    type,
    ...rest,
    commit: commit.$link,
    prevData: prevData?.$link,
    ...(Array.isArray(records) ? { ops: records } : { ops, problem: messageOf(records) }),
    size: blocks.length,
  }
}

const subscribersText = ({ subscribers }: Listed): string => {
  const behind = subscribers.filter((one) => one.behind > 0).length
  const all = count(subscribers.length, 'subscriber')
  return `${all}, including this one${behind > 0 ? `; ${behind} behind` : ''}`
}

/** Prints the subscribers whenever they change. It prints nothing if the server cannot list them. */
const watchSubscribers = async (server: Client, out: Context['out'], signal: AbortSignal): Promise<void> => {
  let before = ''
  while (!signal.aborted) {
    try {
      const listed = await server.com.cirrus.admin.listSubscribers({}, { signal })
      const text = subscribersText(listed)
      if (text !== before) out.aside({ type: 'subscribers', ...listed }, text)
      before = text
    } catch (cause) {
      if (signal.aborted) return
      // Another PDS does not have this method. A server that does not answer is asked again; the events show that it is
      // away.
      if (!(cause instanceof XrpcError) || cause.error === 'MethodNotImplemented') return
      if (cause.status === 401 || cause.status === 403) {
        const error = serverError(cause)
        if (error instanceof CliError) out.warn(error.message, error.code)
        return
      }
    }
    await sleep(SUBSCRIBERS_INTERVAL_MS, undefined, { signal }).catch(() => {})
  }
}

const parseCursor = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text)
  throw new CliError('usage', `--cursor ${text}: it must be the number of an event`, {
    next: 'run `pds watch --help`',
  })
}

export const watch = command({
  name: 'watch',
  summary: 'Show the events that the network sees, and how many subscribers there are. Ctrl-C ends it.',
  description:
    'A lost connection is opened again, and no event is left out. With --json each line is one object with a `type`. ' +
    'Subscribers are shown if the admin password is known.',
  flags: {
    cursor: {
      type: 'string',
      hint: 'seq',
      help: 'Begin after this event. 0 begins with the oldest that is stored. Default: now.',
    },
  },
  examples: ['pds watch --cursor 0', 'pds watch --json | jq \'select(.type == "account")\''],
  async run({ io, out, address, adminIfKnown }, flags) {
    const cursor = parseCursor(flags.cursor)
    const { origin } = address()
    const stop = new AbortController()
    const signal = AbortSignal.any([io.signal, stop.signal])
    out.note(`Watching ${origin}. Ctrl-C ends it.`)
    const server = adminIfKnown()
    const watching = server && watchSubscribers(server, out, signal)
    try {
      const events = subscribeRepos(origin, {
        cursor,
        signal,
        onInfo: ({ name, message }) =>
          out.aside(
            { type: 'info', name, message },
            name === 'OutdatedCursor'
              ? `The events after ${cursor} are no longer stored: this begins with the oldest event that is stored.`
              : (message ?? name),
          ),
        onRetry: ({ error, message }, wait) =>
          out.aside(
            { type: 'lost', error, message, wait: Math.round(wait) },
            `No connection (${message}). Trying again in ${(wait / 1000).toFixed(1)} s.`,
          ),
      })
      for await (const event of events)
        out.line(out.json ? await eventData(event) : {}, eventText(event, out.paint))
    } catch (cause) {
      throw serverError(cause, { FutureCursor: 'future-cursor' })
    } finally {
      stop.abort()
      await watching
    }
    return EXIT.ok
  },
})
