import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { isObject, type JsonObject } from '../../isObject.ts'
import { CliError } from '../errors.ts'

/** The development account of `pds dev`: a did:web of the server itself, which needs no directory. */
export interface DevAccount {
  readonly did: string
  readonly handle: string
  readonly hostname: string
  readonly url: string
}

export const devAccountAt = (port: number, handle: string): DevAccount => ({
  did: `did:web:localhost%3A${port}`,
  handle,
  hostname: `localhost:${port}`,
  url: `http://localhost:${port}`,
})

const absolute = (root: string, value: unknown): unknown =>
  typeof value === 'string' && /^\.{0,2}\/|^[\w-]+(\/|\.[cm]?[jt]s$)/.test(value)
    ? resolve(root, value)
    : value

/**
 * The configuration of the owner's Worker for this machine: the bindings and settings of wrangler.toml with the
 * development account in place of the owner's. It lies in a folder of its own, so that wrangler reads the throw-away
 * keys there and never the owner's `.dev.vars`; nothing of it is ever deployed.
 */
export function devConfig(config: JsonObject, root: string, account: DevAccount): JsonObject {
  const { routes: _, route: __, env: ___, vars, alias, main, ...rest } = config
  const { did, handle, hostname } = account
  return {
    ...rest,
    main: absolute(root, main),
    ...(isObject(alias)
      ? {
          alias: Object.fromEntries(
            Object.entries(alias).map(([name, path]) => [name, absolute(root, path)]),
          ),
        }
      : {}),
    // No relay hears of an account on this machine.
    vars: {
      ...(isObject(vars) ? vars : {}),
      DID: did,
      HANDLE: handle,
      HOSTNAME: hostname,
      RECOVERY_KEYS: '',
      RELAYS: '',
      DEV: 'true',
    },
  }
}

/** The program of the wrangler that is installed in the deployment's folder. */
export function findWrangler(root: string): string {
  try {
    const found = createRequire(join(root, 'package.json')).resolve('wrangler/package.json')
    return join(dirname(found), 'bin', 'wrangler.js')
  } catch (cause) {
    throw new CliError('wrangler-missing', `wrangler is not installed in ${root}`, { cause })
  }
}
