import { describe, expect, it } from 'vitest'
import { against, fake } from './fake.ts'

describe('pds check', () => {
  it('exits with 3 if it finds problems', async () => {
    const counts = { records: 1, blocks: 2, blobs: 3, events: 4, journal: 1 }
    const bad = fake({
      'com.cirrus.admin.checkRepo': { ok: false, problems: ['the block x is missing'], ...counts },
    })
    const found = await against(bad, ['check'])
    expect(found.code).toBe(3)
    expect(found.stdout).toMatch(/the block x is missing[^]*docs\/troubleshoot\.md#check-failed/)
  })
})
