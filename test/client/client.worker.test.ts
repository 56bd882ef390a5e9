/** The same client inside workerd, whose fetch differs: no `redirect: 'error'`, lengths only from the stream itself. */
import { describe, expect, it } from 'vitest'
import { verifyBlob } from '../../src/client/import.ts'
import { connect } from '../../src/client/index.ts'
import { bytesOf, DID, json, server, streamOf } from './support.ts'

describe('the client in a Worker', () => {
  it('sends and receives streams, and keeps credentials from redirects', async () => {
    let received = ''
    const { fetch, requests } = server({
      'com.atproto.repo.uploadBlob': async (request) => {
        received = new TextDecoder().decode(await request.arrayBuffer())
        return json({ blob: { $type: 'blob', ref: { $link: 'b' }, mimeType: 'image/png', size: 5 } })
      },
      'com.atproto.sync.getBlob': () =>
        new Response('', { headers: { 'content-type': 'text/plain', 'content-length': '0' } }),
    })
    const client = connect('alice.example', { fetch, token: 'abc' })
    await client.com.atproto.repo.uploadBlob({
      encoding: 'image/png',
      body: streamOf('ab', 'cde'),
      length: 5,
    })
    expect(received).toBe('abcde')
    expect(requests[0]?.redirect).toBe('manual')
    const cid = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'
    const { body } = await client.com.atproto.sync.getBlob({ did: DID, cid })
    expect(await verifyBlob(cid, await bytesOf(body))).toBe(true)
  })

  it('refuses a stream that is longer or shorter than its declared length', async () => {
    const { fetch } = server({
      '*': async (request) => json({ size: (await request.arrayBuffer()).byteLength }),
    })
    const { repo } = connect('alice.example', { fetch }).com.atproto
    for (const length of [4, 6])
      await expect(
        repo.uploadBlob({ encoding: 'image/png', body: streamOf('abcde'), length }),
      ).rejects.toMatchObject({ error: 'NetworkError' })
  })
})
