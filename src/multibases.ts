import * as base16 from 'multiformats/bases/base16'
import * as base32 from 'multiformats/bases/base32'
import * as base58 from 'multiformats/bases/base58'
import * as base64 from 'multiformats/bases/base64'

/**
 * In place of `multiformats/basics` in the Worker's bundle (`[alias]` in wrangler.toml): of all the bases there,
 * `@atproto/crypto` reads and writes keys in these only. A package that imports anything else of it fails to bundle.
 */
export const bases = { ...base16, ...base32, ...base58, ...base64 }
