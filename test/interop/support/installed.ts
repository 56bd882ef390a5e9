import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Says what to do, once, instead of failing in every file. */
export function setup() {
  if (existsSync(join(import.meta.dirname, '..', 'node_modules', '.interop-installed'))) return
  throw new Error('the reference PDS is not installed; run: node test/interop/install.mjs')
}
