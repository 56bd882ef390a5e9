/**
 * `node scripts/permissionSets.ts`: writes `src/account/oauth/scopes/bundledSets.ts`, the permission sets that the Worker
 * brings along, from the reference PDS of test/interop (`npm run interop:install` before).
 */
import { globSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const ROOT = path.join(import.meta.dirname, '..')
const LEXICONS = path.join(ROOT, 'test/interop/node_modules/@atproto/pds/dist/lexicons')

/** As `@atproto/lex` has a set. */
interface LexPermissionSet {
  nsid: string
  permissions: { resource: string; options: Record<string, unknown> }[]
}

/** The permission sets of Bluesky, by NSID. */
export const readPermissionSets = async (): Promise<Record<string, unknown>> => {
  const files = globSync('{app,chat}/bsky/auth*.js', { cwd: LEXICONS }).filter(
    (file) => !file.includes('.defs.'),
  )
  const sets: Record<string, unknown> = {}
  for (const file of files.toSorted()) {
    const { main } = (await import(pathToFileURL(path.join(LEXICONS, file)).href)) as {
      main: LexPermissionSet
    }
    const permissions = main.permissions.map(({ resource, options }) => ({
      type: 'permission',
      resource,
      ...options,
    }))
    sets[main.nsid] = { type: 'permission-set', permissions }
  }
  return sets
}

const code = async (): Promise<string> => `import type { LexiconPermissionSet } from '@atproto/oauth-scopes'

/**
 * Bluesky's permission sets, which are used without a request. Written by scripts/permissionSets.ts from the reference PDS;
 * test/interop/permission-sets.test.ts compares the two.
 */
export const BUNDLED_SETS: Readonly<Record<string, LexiconPermissionSet>> = ${JSON.stringify(await readPermissionSets())}
`

if (import.meta.main) {
  const file = path.join(ROOT, 'src/account/oauth/scopes/bundledSets.ts')
  writeFileSync(file, await code())
  console.log(`${file}: run npx oxfmt`)
}
