import { RULES } from '../../contract/areas.ts'
import type { Profile, Rule } from '../../contract/types.ts'
import { CliError } from '../errors.ts'

const PROFILES: readonly Profile[] = ['source', 'target', 'daily']
const isProfile = (name: string): name is Profile => PROFILES.some((profile) => profile === name)

const usage = (message: string, next: string): CliError =>
  new CliError('usage', `pds-contract: ${message}`, { next })

/** `--profile`, which may be repeated or have commas. None: all. */
export function readProfiles(given: readonly string[]): readonly Profile[] {
  const names = given.flatMap((text) => text.split(',')).map((name) => name.trim())
  if (names.length === 0 || names.includes('all')) return PROFILES
  for (const name of names)
    if (!isProfile(name))
      throw usage(`--profile "${name}" is not a profile`, 'give source, target, daily or all')
  return PROFILES.filter((profile) => names.includes(profile))
}

/** `--rate`: requests a second. */
export function readRate(given: string | undefined, isLoopback: boolean): number | undefined {
  if (given === undefined) return isLoopback ? undefined : DEFAULT_RATE
  const rate = Number(given)
  if (!(rate > 0 && rate <= MAX_RATE))
    throw usage(
      `--rate "${given}" is not a number of requests a second`,
      `give a number up to ${MAX_RATE}, such as 5`,
    )
  return rate
}

const DEFAULT_RATE = 5
const MAX_RATE = 1000

/** Whether a dotted name is `start`, or goes on behind it. */
const begins = (name: string, start: string): boolean => name === start || name.startsWith(`${start}.`)

export interface Selection {
  readonly only?: (id: string) => boolean
  readonly onlyRules?: (rule: Rule) => boolean
}

/** `--only`: methods, rules, or the beginnings of their names. A name that nothing begins with is an error. */
export function readOnly(given: readonly string[], methods: readonly string[]): Selection {
  const names = given.flatMap((text) => text.split(',')).map((name) => name.trim())
  const ofMethods = names.filter((name) => methods.some((id) => begins(id, name)))
  const ofRules = names.filter((name) => RULES.some(({ id }) => begins(id, name)))
  for (const name of names)
    if (!ofMethods.includes(name) && !ofRules.includes(name))
      throw usage(
        `--only "${name}" is neither a method nor a rule, nor the beginning of one`,
        'see `pds-contract --list-rules`; methods of other documents come with --lexicons',
      )
  return {
    ...(ofMethods.length > 0 ? { only: (id) => ofMethods.some((name) => begins(id, name)) } : {}),
    ...(ofRules.length > 0 ? { onlyRules: ({ id }) => ofRules.some((name) => begins(id, name)) } : {}),
  }
}
