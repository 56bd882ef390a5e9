import { type Code, CliError } from './errors.ts'
import { count } from './terminal/output.ts'

/** Fewer characters are refused: a slip of the hand must not name something. */
const MIN_BEGINNING = 4

/** What is looked for, in words, and the error where it is not found. */
export interface Wanted {
  one: string
  many?: string
  /** What it is named by, if not by the id alone. */
  by?: string
  code: Code
}

/** The one with this id, or the only one whose id begins so. */
export const pickById = <T extends { id: string }>(
  listed: readonly T[],
  given: string,
  { one, many, by = 'id', code }: Wanted,
): T => {
  const exact = listed.find(({ id }) => id === given)
  if (exact) return exact
  const isShort = given.length < MIN_BEGINNING
  const found = isShort ? [] : listed.filter(({ id }) => id.startsWith(given))
  const [only] = found
  if (only && found.length === 1) return only
  const shown = JSON.stringify(given)
  throw new CliError(
    code,
    only
      ? `the ids of ${count(found.length, one, many)} begin with ${shown}: give more of one`
      : `no ${one} has the ${by} ${shown}${isShort ? `: the beginning of an id has at least ${MIN_BEGINNING} characters` : ''}`,
  )
}
