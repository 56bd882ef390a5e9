import { describe, expect, it } from 'vitest'
import { policyOf } from '../../src/contract/areas/methods/policyOf.ts'
import { methods } from './lexicon.ts'
import { brokenOf, inLines, runMethods } from './runMethods.ts'
import { stub } from './stub.ts'

describe('the rules of the methods on a server that keeps its contracts', () => {
  it.for([
    ['as an anonymous caller', false, 2000],
    ['as the owner and the admin', true, 3000],
  ] as const)('find nothing %s', async ([, write, least]) => {
    const report = await runMethods(stub(), write)
    expect(inLines(brokenOf(report))).toEqual([])
    expect([report.incomplete, report.left]).toEqual([[], []])
    expect(report.findings.filter(({ outcome }) => outcome === 'kept').length).toBeGreaterThan(least)
  })

  it('send nothing anonymously that could change a server', async () => {
    const called: string[] = []
    const handlers = Object.fromEntries(
      methods
        .filter(({ id, kind }) => kind === 'procedure' || !policyOf(id)?.who.anyone)
        .map(({ id }) => [id, () => void called.push(id)]),
    )
    await runMethods(stub({ handlers }), false)
    // The attempt to sign in with a name that no account has.
    expect(new Set(called)).toEqual(new Set(['com.atproto.server.createSession']))
  })
})
