import { describe, expect, it } from 'vitest'
import { limitedBody } from '../../src/cli/files/limitedBody.ts'
import { CliError } from '../../src/cli/errors.ts'

describe('a body with a limit', () => {
  it.for([Number.NaN, -1, Math.min(Number('many'), 5)])('of %s lets nothing through', async (limit) => {
    const body = (async function* () {
      yield new Uint8Array(1)
    })()
    const limited = limitedBody(body, limit, () => new CliError('backup-too-large', 'too large'))
    await expect(limited.next()).rejects.toMatchObject({ code: 'backup-too-large' })
  })
})
