/** A part of a list, spread over all of it: `2/3` is its second, fifth, eighth one, and so on. */
export function partOf<T>(all: readonly T[], part: string): T[] {
  const [, which, count] = /^(\d+)\/(\d+)$/.exec(part)?.map(Number) ?? []
  if (which === undefined || count === undefined || which < 1 || which > count)
    throw new Error(`a part is named as 1/4, which is the first of four, and not ${JSON.stringify(part)}`)
  return all.filter((_, index) => index % count === which - 1)
}
