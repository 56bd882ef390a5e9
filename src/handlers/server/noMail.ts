import { error, type XrpcError } from '../../xrpc/errors.ts'

/**
 * The refusal of what other servers do by mail: no code was sent, so none can be given back. `instead` says what the
 * owner does.
 */
export const noMail = (instead: string): XrpcError =>
  error('InvalidRequest', `this server sends no mail: ${instead}`)

/** Where the owner's address comes from. */
export const emailIsConfigured = (email: string | undefined): XrpcError =>
  noMail(
    email === undefined
      ? 'set EMAIL, the address of the account, in wrangler.toml or as a secret, and deploy; it counts as confirmed'
      : 'the address of the account is EMAIL of its configuration, and counts as confirmed; change it there, and deploy',
  )

/** How the account password is changed. */
export const passwordIsConfigured = (): XrpcError =>
  noMail('the owner sets another account password with `pds set-password`')
