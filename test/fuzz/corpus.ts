import { readFileSync } from 'node:fs'
import type { Target } from './engine.ts'

/** An input that is tried in every run: a published vector, an edge made by hand, or what once was a bug. */
export interface Entry {
  name: string
  input: string
  /** `ok`, or the code of the error. */
  expect: string
}

/** The corpus of a target: `corpus/<target>.json`, inputs spelled as the target shows them. */
export const corpus = ({ name }: Pick<Target, 'name'>): Entry[] => {
  try {
    return JSON.parse(readFileSync(`${import.meta.dirname}/corpus/${name}.json`, 'utf8')) as Entry[]
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return []
    throw cause
  }
}

/** The corpus as inputs to breed from. */
export const seedsOf = (target: Target): unknown[] => corpus(target).map(({ input }) => target.parse(input))
