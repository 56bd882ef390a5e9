import { createActor, type Actor, type Observation } from './actor.ts'
import { normalise } from './normalise.ts'
import type { Side, World } from './world.ts'

/** One place where Cirrus and the reference differ: in the step `timeline`, at `body.feed.0.post.likeCount`. */
export interface Difference {
  readonly step: string
  readonly at: string
  /** What each has there, as JSON; `undefined` for nothing. */
  readonly cirrus: string
  readonly reference: string
}

/** A difference that is meant, or that is the reference's own. */
export interface Listed {
  readonly reason: string
  readonly step?: RegExp
  readonly at: RegExp
  readonly cirrus?: RegExp
  readonly reference?: RegExp
}

export type Script = (actor: Actor) => Promise<void>

export interface Comparison {
  readonly steps: number
  /** What Cirrus answered. */
  readonly cirrus: readonly Observation[]
  /** A line for each difference that no row explains. */
  readonly unexplained: readonly string[]
  /** The reasons of listed differences that did not occur. */
  readonly gone: readonly string[]
}

/** Runs the script on one side and then on the other, and compares what they were answered, step by step. */
export async function compare(world: World, script: Script, listed: readonly Listed[]): Promise<Comparison> {
  const run = async (side: Side): Promise<Map<string, unknown>> => {
    const actor = createActor(side, world.services)
    await script(actor)
    return new Map(actor.observations.map(({ step, value }) => [step, normalise(value, side.names)]))
  }
  const reference = await run(world.reference)
  const cirrus = await run(world.cirrus)
  const found = [...new Set([...cirrus.keys(), ...reference.keys()])].flatMap((step) =>
    differences(cirrus.get(step), reference.get(step)).map((difference) => ({ step, ...difference })),
  )
  const explains = (difference: Difference) => (row: Listed) =>
    row.at.test(difference.at) &&
    (row.step?.test(difference.step) ?? true) &&
    (row.cirrus?.test(difference.cirrus) ?? true) &&
    (row.reference?.test(difference.reference) ?? true)
  return {
    steps: cirrus.size,
    cirrus: [...cirrus].map(([step, value]) => ({ step, value })),
    unexplained: found.filter((difference) => !listed.some(explains(difference))).map(line),
    gone: listed
      .filter((row) => !found.some((difference) => explains(difference)(row)))
      .map(({ reason }) => reason),
  }
}

const line = ({ step, at, cirrus, reference }: Difference): string =>
  `${step} | ${at} | Cirrus ${cirrus.slice(0, 300)} | reference ${reference.slice(0, 300)}`

/** Every leaf that only one of them has, or that differs. Of answers with another outcome, only that. */
export const differences = (cirrus: unknown, reference: unknown, at = ''): Omit<Difference, 'step'>[] => {
  if (isObject(cirrus) && isObject(reference) && Array.isArray(cirrus) === Array.isArray(reference)) {
    const all = new Set([...Object.keys(cirrus), ...Object.keys(reference)])
    const keys = 'outcome' in cirrus && cirrus['outcome'] !== reference['outcome'] ? ['outcome'] : [...all]
    return keys.flatMap((key) => differences(cirrus[key], reference[key], at === '' ? key : `${at}.${key}`))
  }
  const [a, b] = [String(JSON.stringify(cirrus)), String(JSON.stringify(reference))]
  return a === b ? [] : [{ at, cirrus: a, reference: b }]
}

// An array too: its keys are the indices.
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null
