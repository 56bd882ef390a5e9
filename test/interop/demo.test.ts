// `npm run demo -- --target reference`.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

import type { Report } from '../../demo/narrator.ts'

it('tells the whole story with the reference PDS as the target', async () => {
  const demo = join(import.meta.dirname, '..', '..', 'demo', 'main.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [demo, '--target', 'reference', '--json'])
  // The form of the report has a test of its own.
  const report = JSON.parse(stdout) as Report
  expect(report.steps.filter(({ ok }) => !ok)).toEqual([])
  expect(report.ok).toBe(true)
})
