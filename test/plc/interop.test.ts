import { describe, expect, test } from 'vitest'
import { operationCid } from '../../src/plc/cid.ts'
import { verifyLog } from '../../src/plc/verifyLog.ts'
import { parseAuditLog } from '../../src/plc/parse.ts'
import { fixture } from '../fixtures/fixture.ts'

interface Entry {
  cid: string
  nullified: boolean
  operation: unknown
}

const { logs } = fixture<{
  source: string
  logs: { name: string; valid: boolean; did: string; log: Entry[] }[]
}>('plc-audit-logs')

/**
 * The directory once accepted padded signatures. They prove as much as others, and an account that has one must be able
 * to move.
 */
const ACCEPTED = ['log_invalid_sig_b64_padding_chars']

// Published audit logs: real ones, and ones that must be refused.
describe('the audit logs of the did:plc interop files', () => {
  test.each(logs)('$name', async ({ name, valid, did, log }) => {
    // The hashes of each log are right, whatever else is wrong with it.
    for (const { cid, operation } of log) expect(await operationCid(operation)).toBe(cid)
    const verified = verifyLog(did, parseAuditLog(log))
    if (!valid && !ACCEPTED.includes(name))
      return expect(verified).rejects.toThrow(expect.objectContaining({ code: 'InvalidLog' }))
    const { head } = await verified
    expect(head.cid).toBe(log.findLast(({ nullified }) => !nullified)?.cid)
    expect(head.data === null).toBe(name === 'log_tombstone')
  })
})
