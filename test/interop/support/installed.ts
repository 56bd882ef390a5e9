import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Throws unless the reference PDS is installed; the message says how to install it. */
export const requireReference = (): void => {
  if (existsSync(join(import.meta.dirname, '..', 'node_modules', '.interop-installed'))) return
  throw new Error('the reference PDS is not installed; run: npm run interop:install')
}

/** Global set-up: fails once, before any file does. */
export const setup = requireReference
