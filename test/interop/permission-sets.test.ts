import { expect, test } from 'vitest'
import { readPermissionSets } from '../../scripts/permissionSets.ts'
import { BUNDLED_SETS } from '../../src/account/oauth/scopes/bundledSets.ts'

test('the permission sets that the Worker brings along are those of the reference', async () => {
  const sets = await readPermissionSets()
  expect(Object.keys(sets)).toContain('app.bsky.authFullApp')
  expect(BUNDLED_SETS).toEqual(sets)
})
