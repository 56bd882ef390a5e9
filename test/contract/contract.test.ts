import { describe, expect, it } from 'vitest'
import { policy, type Rule } from '../../src/policy.ts'
import { NOT_EXERCISED } from './positivePaths.ts'
import { FAULTS, faulty } from './faulty.ts'
import { methods } from './lexicon.ts'
import { failures, runContract } from './run.ts'
import type { FetchHandler } from './serve.ts'
import { stub } from './stub.ts'
import { STUB_CREDENTIALS } from './stubHandlers.ts'

const run = (handler: FetchHandler, write: boolean) =>
  runContract({
    url: 'https://stub.example',
    fetch: async (request) => handler(request),
    write,
    credentials: STUB_CREDENTIALS,
  })

describe('the contract suite on a server that keeps its contracts', () => {
  it('finds nothing as an anonymous caller', async () => {
    const findings = await run(stub(), false)
    expect(failures(findings)).toEqual([])
    expect(findings.length).toBeGreaterThan(600)
  })

  it('finds nothing as the owner, and calls every method with success but the listed ones', async () => {
    const findings = await run(stub(), true)
    expect(failures(findings)).toEqual([])
    const worked = new Set(findings.filter(({ expected }) => expected === '200').map(({ method }) => method))
    const left = methods
      .map(({ id }) => id)
      .filter((id) => !worked.has(id) && id !== 'com.atproto.identity.resolveHandle')
    expect(left.toSorted()).toEqual(Object.keys(NOT_EXERCISED).toSorted())
  })

  it('sends nothing anonymously that could change a server', async () => {
    const called: string[] = []
    const handlers = Object.fromEntries(
      methods
        .filter(({ id, kind }) => kind === 'procedure' || !(policy[id] satisfies Rule as Rule).who.anyone)
        .map(({ id }) => [id, () => void called.push(id)]),
    )
    await run(stub({ handlers }), false)
    // The attempts to sign in with a name that no account has.
    expect(new Set(called)).toEqual(new Set(['com.atproto.server.createSession']))
  })
})

describe('the contract suite on a server with a seeded fault', () => {
  it.for(FAULTS)('finds: $name', async (fault) => {
    const found = failures(await run(faulty(fault), fault.write ?? false))
    const named = found.filter(({ method }) => method === fault.method)
    expect(named, JSON.stringify(found, null, 2)).not.toEqual([])
    // A fault of one method is not reported for the others.
    expect(found.filter(({ method }) => method !== fault.method)).toEqual([])
  })
})
