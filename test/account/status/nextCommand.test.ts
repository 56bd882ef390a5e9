import { describe, expect, it } from 'vitest'
import { nextCommand, type Situation } from '../../../src/account/status/nextCommand.ts'
import type { State } from '../../../src/policy.ts'

const origin = 'https://cirrus.example.com'
const here = { pds: origin, here: true, keyIsOurs: true, tombstoned: false }
const away = { pds: 'https://new.example.com', here: false, keyIsOurs: false, tombstoned: false }
const base: Situation = {
  state: 'active',
  did: 'did:plc:abcdefghijklmnopqrstuvwx',
  origin,
  servesDid: false,
  wasActive: true,
  identity: here,
  rotation: undefined,
  unverified: false,
  records: 3,
  missingBlobs: 0,
  unsubmitted: [],
}
const next = (more: Partial<Situation>) => nextCommand({ ...base, ...more })
const signed = [{ pds: 'https://new.example.com' }]

describe('the next command', () => {
  it('is a command, or nothing to do, in every situation', () => {
    const states: State[] = ['absent', 'active', 'deactivated', 'moved', 'deleted']
    const identities = [
      here,
      away,
      { ...here, keyIsOurs: false },
      { ...away, pds: undefined },
      { ...away, tombstoned: true },
      { error: 'down' },
    ]
    for (const state of states)
      for (const identity of identities)
        for (const wasActive of [true, false])
          for (const missingBlobs of [0, 2])
            for (const records of [0, 3])
              for (const unsubmitted of [[], signed])
                for (const did of [base.did, 'did:web:alice.example.com']) {
                  const text = next({ state, identity, wasActive, missingBlobs, records, unsubmitted, did })
                  expect(text).toMatch(/`pds [a-z-]+|did\.json|Next: /)
                  expect(text).not.toMatch(/undefined|null|\[object/)
                }
  })

  it('leads an account through moving in', () => {
    const movingIn = { state: 'deactivated', wasActive: false } as const
    expect(next({ state: 'absent', wasActive: false })).toContain('`pds activate`')
    expect(next({ state: 'absent', wasActive: false, identity: away })).toContain(
      '`pds import --from https://new.example.com`',
    )
    expect(next({ ...movingIn, identity: away, records: 0 })).toContain('still empty')
    expect(next({ ...movingIn, identity: away, missingBlobs: 2 })).toContain('2 blobs missing')
    expect(next({ ...movingIn, identity: away })).toContain('PLC step')
    expect(next({ ...movingIn, missingBlobs: 1 })).toContain('1 blob missing')
    expect(next(movingIn)).toMatch(/Everything is here.*`pds activate`/)
  })

  it('has a move verified before anything is given up', () => {
    const left = { state: 'deactivated', identity: away } as const
    expect(next({ ...left, unverified: true })).toContain('`pds verify --to https://new.example.com`')
    expect(next(left)).toContain('delete Worker, bucket and DNS records')
  })

  it('leads an account through leaving, and through coming back', () => {
    expect(next({})).toContain('`pds migrate-token --target')
    expect(next({ unsubmitted: signed })).toMatch(/https:\/\/new\.example\.com.*`pds identity --void`/)
    expect(next({ state: 'moved', identity: away })).toMatch(/https:\/\/new\.example\.com.*`pds deactivate`/)
    expect(next({ state: 'deactivated', identity: away })).toMatch(/move is done.*`pds backup <dir>`/)
    expect(next({ state: 'deactivated' })).toMatch(/nobody serves.*`pds activate`/)
    expect(next({ state: 'deactivated', unsubmitted: signed })).toMatch(
      /Half-way.*`pds identity --void` and then `pds activate`/,
    )
  })
})
