import { describe, expect, it } from 'vitest'
import { connect, settle } from '../../src/client/index.ts'
import { DID, failure, json, type Route, server } from './support.ts'

const call = (route: Route) =>
  settle(
    connect('alice.example', { fetch: server({ '*': route }).fetch }).com.atproto.sync.getRepoStatus({
      did: DID,
    }),
  )

describe('settle', () => {
  it('gives the data', async () => {
    expect(await call(() => json({ did: DID, active: true }))).toEqual({
      ok: true,
      data: { did: DID, active: true },
    })
  })

  it('gives an error that the method declares, or a standard one, by name', async () => {
    expect(await call(() => failure('RepoNotFound'))).toMatchObject({
      ok: false,
      error: 'RepoNotFound',
      status: 400,
    })
    expect(await call(() => failure('RateLimitExceeded', 429))).toMatchObject({ error: 'RateLimitExceeded' })
  })

  it('keeps the union closed: another name is Unexpected, and the message tells it', async () => {
    const result = await call(() => failure('BlobNotFound'))
    expect(result).toMatchObject({
      ok: false,
      error: 'Unexpected',
      message: 'BlobNotFound: it is BlobNotFound',
    })
    expect(result.ok || result.cause.error).toBe('BlobNotFound')
  })

  it('tells a lost network from a server that says no', async () => {
    const lost = await call(() => Promise.reject(new TypeError('reset')))
    expect(lost).toMatchObject({ ok: false, error: 'NetworkError', status: 0 })
  })

  it('lets through what is no failure of the call', async () => {
    await expect(settle(Promise.reject(new RangeError('a bug')))).rejects.toThrow('a bug')
  })
})
