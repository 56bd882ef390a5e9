import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { TOPICS } from '../src/docsLink.ts'

it('has an entry in docs/troubleshoot.md for each topic that an error message names', () => {
  const docs = readFileSync(join(import.meta.dirname, '../docs/troubleshoot.md'), 'utf8')
  const headings = [...docs.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading)
  for (const topic of TOPICS) expect(headings).toContain(topic)
})
