import { XrpcError } from '../../client/index.ts'

/** What a server answered in place of what was asked for, in one line. */
export const seenError = (cause: unknown): string => {
  if (!(cause instanceof XrpcError)) return cause instanceof Error ? cause.message : String(cause)
  const { status, error, message } = cause
  return `${status === 0 ? '' : `${status} `}${error}: ${message}`.slice(0, 500)
}

/**
 * Nothing if the call is refused as a client's mistake (4xx). What was seen otherwise: that it worked, or that the server
 * failed at it.
 */
export const unlessRefused = async (call: Promise<unknown>): Promise<string | undefined> => {
  try {
    await call
    return 'it was accepted'
  } catch (cause) {
    const isRefusal = cause instanceof XrpcError && cause.status >= 400 && cause.status < 500
    return isRefusal && cause.status !== 429 ? undefined : seenError(cause)
  }
}

/** Whether a call works. Which error it ends with does not matter. */
export const isAccepted = (call: Promise<unknown>): Promise<boolean> =>
  call.then(
    () => true,
    (cause: unknown) => {
      if (cause instanceof XrpcError && cause.error !== 'NetworkError') return false
      throw cause
    },
  )

/** What the pages of a list have. A list without end is left: it has far more pages than it can need. */
export const collect = async <Page>(
  list: AsyncIterable<Page>,
  itemsOf: (page: Page) => readonly string[],
  expected: number,
): Promise<Set<string>> => {
  const found = new Set<string>()
  let count = 0
  for await (const page of list) {
    for (const item of itemsOf(page)) found.add(item)
    if (++count > expected + 100) throw new Error(`the list has no end: it is at page ${count}`)
  }
  return found
}

/** What of a list is missing, and what is too much; undefined if it is the expected one. */
export const difference = (
  noun: string,
  expected: ReadonlySet<string>,
  found: ReadonlySet<string>,
): string | undefined => {
  const missing = [...expected].filter((item) => !found.has(item))
  const extra = [...found].filter((item) => !expected.has(item))
  if (missing.length + extra.length === 0) return undefined
  const some = (items: readonly string[]) => items.slice(0, 3).join(', ') + (items.length > 3 ? ', …' : '')
  return [
    missing.length > 0 ? `${missing.length} of ${expected.size} ${noun} are missing (${some(missing)})` : '',
    extra.length > 0 ? `${extra.length} ${noun} are not expected (${some(extra)})` : '',
  ]
    .filter(Boolean)
    .join('; ')
}
