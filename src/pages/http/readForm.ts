import type { Platform } from '../../platform.ts'
import { readUpTo } from '../../streams/readUpTo.ts'

const MAX_BYTES = 16 * 1024
/** A body that never ends is memory that somebody else holds. */
const MAX_MS = 30_000

/** The fields of a form that was sent; undefined where the body is none, too large, or too slow. */
export const readForm = async (
  request: Request,
  { timer }: Pick<Platform, 'timer'>,
): Promise<URLSearchParams | undefined> => {
  const [type] = (request.headers.get('content-type') ?? '').toLowerCase().split(';')
  if (type?.trim() !== 'application/x-www-form-urlencoded' || !request.body) return undefined
  let stop = (): void => {}
  const late = new Promise<void>((resolve) => void (stop = timer(MAX_MS, resolve)))
  const read = await readUpTo(request.body, { max: MAX_BYTES, late }).finally(() => stop())
  if ('bytes' in read) return new URLSearchParams(new TextDecoder().decode(read.bytes))
  await read.stream.cancel().catch(() => {})
  return undefined
}
