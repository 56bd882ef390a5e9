import { existsSync } from 'node:fs'
import { join } from 'node:path'

const HERE = join(import.meta.dirname, '..')

const requireInstalled = (what: string, folder: string): void => {
  if (existsSync(join(folder, 'node_modules', '.interop-installed'))) return
  throw new Error(`${what} is not installed; run: npm run interop:install`)
}

/** Throws unless the reference PDS is installed; the message says how to install it. */
export const requireReference = (): void => requireInstalled('the reference PDS', HERE)

/** The same for the AppView and the clients beside it. */
export const requireAppView = (): void => requireInstalled('the AppView', join(HERE, 'appview'))

/** Global set-up: fails once, before any file does. */
export const setup = requireReference
