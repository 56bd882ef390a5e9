import { figure, type Figure } from './measure.ts'
import type { Kind, Server } from './servers.ts'

/** One line of the result: one measure of both servers. */
export interface Row {
  /** The name that runs it: `npm run bench -- getRepo`. */
  readonly name: string
  readonly measure: string
  readonly unit: string
  /** Records in the repository. */
  readonly size: number | undefined
  readonly better: 'higher' | 'lower'
  readonly cirrus?: Figure
  readonly reference?: Figure
}

/** What a row needs: the servers with `size` records each, and functions that take results and progress. */
export interface Stand {
  readonly servers: readonly Server[]
  readonly size: number
  add(row: Row): void
  progress(text: string): void
}

export type RowHead = Pick<Row, 'name' | 'measure' | 'unit' | 'better'> & { readonly size?: number }

/** Makes a row from the repetitions of each server. */
export const rowOf = (
  { name, measure, unit, better, size }: RowHead,
  values: ReadonlyMap<Server | Kind, readonly number[]>,
): Row => {
  const figures: { cirrus?: Figure; reference?: Figure } = {}
  for (const [server, numbers] of values) {
    const kind = typeof server === 'string' ? server : server.kind
    if (numbers.length > 0) figures[kind] = figure(numbers)
  }
  return { name, measure, unit, size, better, ...figures }
}

/** The same of other values. */
export const mapValues = <K, A, B>(of: ReadonlyMap<K, readonly A[]>, to: (value: A) => B): Map<K, B[]> =>
  new Map([...of].map(([key, values]) => [key, values.map(to)]))

export const MiB = 1024 * 1024
