/** `fetch`, with what is asked of some origins answered by others: those of public names that nothing listens at. */
export const divertedFetch = (
  others: Readonly<Record<string, string>>,
  send: typeof globalThis.fetch = globalThis.fetch,
): typeof globalThis.fetch => {
  return (input, init) => {
    const { origin, pathname, search } = new URL(input instanceof Request ? input.url : input)
    const other = others[origin]
    if (other === undefined) return send(input, init)
    const address = `${other}${pathname}${search}`
    return send(input instanceof Request ? new Request(address, input) : address, init)
  }
}
