import { describe, expect, it } from 'vitest'
import { DID, HOST, against, fake } from './fake.ts'

describe('pds emit-identity', () => {
  const EMIT = 'com.cirrus.admin.emitIdentity'

  it('says what was told to the network, also if the directory did not answer', async () => {
    const event = { seq: 42, did: DID, handle: HOST }
    const emitted = await against(fake({ [EMIT]: event }), ['emit-identity'])
    expect([emitted.code, emitted.stdout]).toEqual([0, `Event 42: ${HOST} (${DID}).\n`])
    const blind = await against(fake({ [EMIT]: { ...event, error: 'plc.directory is down' } }), [
      'emit-identity',
    ])
    expect([blind.code, blind.stderr]).toEqual([0, expect.stringContaining('plc.directory is down')])
  })
})
