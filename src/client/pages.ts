import { XrpcError } from './errors.ts'

/** A filtered list may have empty pages in the middle, but not without end. */
const MAX_EMPTY_PAGES = 100

const isEmpty = (page: object): boolean =>
  !Object.values(page).some((member) => Array.isArray(member) && member.length > 0)

/**
 * Follows the cursor of a list to its end: `for await (const { cids } of pages((page) => listBlobs({ did, ...page })))`.
 * A server that repeats a cursor is an error, so that a list never ends early unnoticed.
 */
export async function* pages<T extends { cursor?: string }>(
  list: (page: { cursor?: string }) => Promise<T>,
  from?: string,
): AsyncGenerator<T, void, undefined> {
  const seen = new Set<string>()
  let cursor = from
  let empty = 0
  for (;;) {
    const page = await list(cursor === undefined ? {} : { cursor })
    empty = isEmpty(page) ? empty + 1 : 0
    // Some servers end a list with the cursor of its last item.
    if (empty > 0 && page.cursor === cursor) return
    yield page
    if (!page.cursor) return
    cursor = page.cursor
    if (seen.has(cursor)) throw new XrpcError('Unexpected', `the list repeats its cursor ${cursor}`)
    if (empty > MAX_EMPTY_PAGES) throw new XrpcError('Unexpected', `${empty} empty pages in a row`)
    seen.add(cursor)
  }
}
