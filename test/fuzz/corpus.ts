import { readFileSync } from 'node:fs'
import type { Target } from './engine.ts'

/** An input that every run includes: a published vector, an edge case made by hand, or one that once showed a bug. */
export interface Entry {
  name: string
  input: string
  /** `ok`, or the code of the error. */
  expect: string
}

/** The corpus of a target: `corpus/<target>.json`, its inputs in the form of the target's `show`. */
export const corpus = ({ name }: Pick<Target, 'name'>): Entry[] => {
  try {
    return JSON.parse(readFileSync(`${import.meta.dirname}/corpus/${name}.json`, 'utf8')) as Entry[]
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return []
    throw cause
  }
}

/** The corpus as inputs that can be mutated. */
export const seedsOf = (target: Target): unknown[] => corpus(target).map(({ input }) => target.parse(input))
