import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { docsPath, TOPICS } from '../../src/docsLink.ts'
import { MOVER_ERRORS } from '../../src/mover/moverError.ts'
import { CATALOGUE } from '../../src/cli/catalogue.ts'
import { EXIT } from '../../src/cli/exit.ts'
import { CliError } from '../../src/cli/errors.ts'

const docs = readFileSync(join(import.meta.dirname, '../../docs/troubleshoot.md'), 'utf8')
const entries = [...docs.matchAll(/^### (.+)$/gm)].map(([, heading]) => heading ?? '')

describe('docs/troubleshoot.md', () => {
  it('has an entry for each error of the CLI and each topic of the server, and no others', () => {
    expect(entries.toSorted()).toEqual(
      [...new Set([...Object.keys(CATALOGUE), ...Object.keys(MOVER_ERRORS), ...TOPICS])].toSorted(),
    )
  })

  it('has each entry once, with a text', () => {
    expect(new Set(entries).size).toBe(entries.length)
    for (const text of docs.split(/^### /m).slice(1))
      expect(text.split('\n').slice(1).join('').length).toBeGreaterThan(40)
  })

  it('lists the exit codes of the CLI', () => {
    const listed = [...docs.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code))
    expect(listed).toEqual(Object.values(EXIT))
  })
})

describe('an error', () => {
  it('says what to do next and links to its entry', () => {
    const error = new CliError('usage', 'no')
    expect(error).toMatchObject({ next: CATALOGUE.usage.next, docs: docsPath('usage'), exit: EXIT.usage })
  })
})
