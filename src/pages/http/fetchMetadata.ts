/** Why a request is refused. */
export type Refusal = 'embedded' | 'foreign'

/**
 * Pages are opened by navigating a whole window to them: not in a frame, not by a script, not as an image. Forms come from
 * our own pages only. Browsers say so by `Sec-Fetch-*` (https only; some old ones not at all), and by `Origin` with every
 * POST.
 */
export const refusalOf = (request: Request, origin: string): Refusal | undefined => {
  const header = (name: string): string | null => request.headers.get(name)
  const isWindow =
    [null, 'navigate'].includes(header('sec-fetch-mode')) &&
    [null, 'document'].includes(header('sec-fetch-dest'))
  if (!isWindow) return 'embedded'
  if (request.method !== 'POST') return undefined
  return isOwn(request, origin) ? undefined : 'foreign'
}

/** Whether one of our own pages has sent the request. */
export const isOwn = ({ headers }: Request, origin: string): boolean => {
  const referer = headers.get('referer')
  return (
    headers.get('origin') === origin &&
    [null, 'same-origin'].includes(headers.get('sec-fetch-site')) &&
    (referer === null || referer === origin || referer.startsWith(`${origin}/`))
  )
}
