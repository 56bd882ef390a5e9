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
  it('returns the data', async () => {
    expect(await call(() => json({ did: DID, active: true }))).toEqual({
      ok: true,
      data: { did: DID, active: true },
    })
  })

  it('returns an error that the method declares, or a standard one, by name', async () => {
    expect(await call(() => failure('RepoNotFound'))).toMatchObject({
      ok: false,
      error: 'RepoNotFound',
      status: 400,
    })
    expect(await call(() => failure('RateLimitExceeded', 429))).toMatchObject({ error: 'RateLimitExceeded' })
  })

  it('keeps the union closed: another name is Unexpected, and the message has the name', async () => {
    const result = await call(() => failure('BlobNotFound'))
    expect(result).toMatchObject({
      ok: false,
      error: 'Unexpected',
      message: 'BlobNotFound: it is BlobNotFound',
    })
    expect(result.ok || result.cause.error).toBe('BlobNotFound')
  })

  it('distinguishes a lost network from a server that refuses', async () => {
    const lost = await call(() => Promise.reject(new TypeError('reset')))
    expect(lost).toMatchObject({ ok: false, error: 'NetworkError', status: 0 })
  })

  it('throws what is not a failure of the call', async () => {
    await expect(settle(Promise.reject(new RangeError('a bug')))).rejects.toThrow('a bug')
  })
})
