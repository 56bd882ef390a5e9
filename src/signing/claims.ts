import { isValidDid } from '@atproto/syntax'
import { TokenError } from '../crypto/errors.ts'
import type { JsonObject } from '../isObject.ts'

/** How far ahead of ours another clock may be. */
export const CLOCK_SKEW_S = 60

const badClaim = (name: string, want: string) =>
  new TokenError('BadClaims', `the claim ${name} must be ${want}`)

/** A claim that must be a string of 1 to `max` characters. */
export const stringClaim = (claims: JsonObject, name: string, max = 2048): string => {
  const value = claims[name]
  if (typeof value !== 'string' || value === '' || value.length > max) throw badClaim(name, 'a string')
  return value
}

export const optionalStringClaim = (claims: JsonObject, name: string): string | undefined =>
  claims[name] === undefined ? undefined : stringClaim(claims, name)

/** A claim that must be a whole number from 0 on: seconds since the epoch, or a count. */
export const integerClaim = (claims: JsonObject, name: string): number => {
  const value = claims[name]
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw badClaim(name, 'a whole number')
  return value
}

export const optionalIntegerClaim = (claims: JsonObject, name: string): number | undefined =>
  claims[name] === undefined ? undefined : integerClaim(claims, name)

/** A claim that must be a DID. */
export const didClaim = (claims: JsonObject, name: string): string => {
  const value = stringClaim(claims, name)
  if (!isValidDid(value)) throw badClaim(name, 'a DID')
  return value
}

/** A claim that must be a DID, with or without the fragment that names one of its services. */
export const serviceDidClaim = (claims: JsonObject, name: string): string => {
  const value = stringClaim(claims, name)
  const [bare, fragment, ...rest] = value.split('#')
  if (!isValidDid(bare) || fragment === '' || rest.length > 0) throw badClaim(name, 'a DID, or did#service')
  return value
}

/** Refuses claims whose names are not in the list. */
export const refuseOtherClaims = (claims: JsonObject, names: readonly string[]): void => {
  const unknown = Object.keys(claims).find((name) => !names.includes(name))
  if (unknown !== undefined) throw new TokenError('BadClaims', `unknown claim ${JSON.stringify(unknown)}`)
}

/** Leaves out the members that are undefined, so that the signed JSON never depends on them. */
export const withoutUndefined = (claims: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined))
