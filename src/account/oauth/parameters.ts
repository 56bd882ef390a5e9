import { OAuthError } from './oauthError.ts'

type Params = ReadonlyMap<string, string>

/** `invalid_request`, with the name of the parameter that is wrong. */
export const badParameter = (name: string, problem: string): OAuthError =>
  new OAuthError('invalid_request', `${name}: ${problem}`)

/** A parameter that is sent without a value counts as not sent (RFC 6749, section 3.1). */
export const optional = (params: Params, name: string): string | undefined => params.get(name) || undefined

export const required = (params: Params, name: string): string => {
  const value = optional(params, name)
  if (value === undefined) throw badParameter(name, 'is missing')
  return value
}

/** One of the values that are listed. */
export const oneOf = <T extends string>(
  params: Params,
  name: string,
  values: readonly T[],
): T | undefined => {
  const value = optional(params, name)
  const known = values.find((each) => each === value)
  if (value !== undefined && known === undefined)
    throw badParameter(name, `expected ${values.join(', ')}, got "${value.slice(0, 100)}"`)
  return known
}
