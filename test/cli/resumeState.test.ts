// What an interrupted import keeps on the disk, where a server says which account it is for.
import { mkdir, stat } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { limitedBody } from '../../src/cli/files/limitedBody.ts'
import { CliError } from '../../src/cli/errors.ts'
import { resumeState } from '../../src/cli/import/resumeState.ts'
import { folder } from './support.ts'

const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const session = { did, handle: 'alice.test', accessJwt: 'a.b.c', refreshJwt: 'd.e.f' }

describe('the progress of an import', () => {
  it('is for one server: another that names the same account does not get its session', async () => {
    await using here = await folder()
    await resumeState(here.path, 'https://pds.example.com', did).write({ session })
    expect(await resumeState(here.path, 'http://localhost:2583', did).read()).toEqual({})
    expect(await resumeState(here.path, 'https://pds.example.com:8443', did).read()).toEqual({})
    expect(await resumeState(here.path, 'https://pds.example.com', did).read()).toEqual({ session })
  })

  it.for(['..', '.', '../..', '/', ''])(
    'is cleared in its own folder where the account is called %j',
    async (name) => {
      await using here = await folder()
      await mkdir(here.in('.wrangler/state'), { recursive: true })
      await resumeState(here.path, 'https://pds.example.com', did).write({ session })
      const state = resumeState(here.path, 'https://pds.example.com', name)
      await state.write({ session })
      await state.clear()
      expect((await stat(here.in('.wrangler/state'))).isDirectory()).toBe(true)
      expect(await resumeState(here.path, 'https://pds.example.com', did).read()).toEqual({ session })
    },
  )
})

describe('a body with a limit', () => {
  it.for([Number.NaN, -1, Math.min(Number('many'), 5)])('of %s lets nothing through', async (limit) => {
    const body = (async function* () {
      yield new Uint8Array(1)
    })()
    const limited = limitedBody(body, limit, () => new CliError('backup-too-large', 'too large'))
    await expect(limited.next()).rejects.toMatchObject({ code: 'backup-too-large' })
  })
})
