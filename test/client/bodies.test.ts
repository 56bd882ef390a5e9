/** Against a real server on loopback: lengths and streams are what `fetch` makes of them. */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Client, connect } from '../../src/client/index.ts'
import { bytesOf, DID, streamOf } from './support.ts'

interface Seen {
  headers: IncomingHttpHeaders
  body: string
}

let listener: Server
let client: Client
const seen: Seen[] = []

beforeAll(async () => {
  listener = createServer((request, response) => {
    const chunks: Buffer[] = []
    request
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => {
        seen.push({ headers: request.headers, body: Buffer.concat(chunks).toString() })
        const path = request.url ?? ''
        if (path.includes('uploadBlob') || path.includes('describeServer')) {
          response.setHeader('content-type', 'application/json').end('{"blob":{}}')
        } else if (path.includes('cid=json')) {
          response.setHeader('content-type', 'application/json').setHeader('content-length', 2).end('{}')
        } else if (path.includes('cid=gzip')) {
          const body = gzipSync('compressed')
          response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': body.length }).end(body)
        } else if (path.includes('getBlob') && request.headers.range) {
          response.writeHead(206, { 'content-range': 'bytes 2-3/4', 'content-type': 'text/plain' }).end('cd')
        } else if (path.includes('getRepo')) {
          response.setHeader('content-type', 'text/html').end('<h1>')
        } else response.end()
      })
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  if (typeof address !== 'object' || !address) throw new Error('no port')
  client = connect(`127.0.0.1:${address.port}`)
})
afterAll(() => listener.close())

const sent = (): Seen => seen.at(-1) ?? { headers: {}, body: '' }

describe('what is sent', () => {
  it('is a stream of known length, with its length', async () => {
    await client.com.atproto.repo.uploadBlob({
      encoding: 'image/png',
      body: streamOf('ab', 'cde'),
      length: 5,
    })
    expect(sent().body).toBe('abcde')
    expect(sent().headers).toMatchObject({ 'content-type': 'image/png', 'content-length': '5' })
  })

  it('is a stream of unknown length, in chunks', async () => {
    await client.com.atproto.repo.importRepo(streamOf('ab', 'cde'))
    expect(sent().body).toBe('abcde')
    expect(sent().headers).toMatchObject({
      'content-type': 'application/vnd.ipld.car',
      'transfer-encoding': 'chunked',
    })
  })

  it('is a Blob with its type, or bytes with their type', async () => {
    await client.com.atproto.repo.uploadBlob(new Blob(['hello'], { type: 'text/plain' }))
    expect(sent()).toMatchObject({
      body: 'hello',
      headers: { 'content-type': 'text/plain', 'content-length': '5' },
    })
    await client.com.atproto.repo.importRepo(new TextEncoder().encode('car'))
    expect(sent().headers).toMatchObject({
      'content-type': 'application/vnd.ipld.car',
      'content-length': '3',
    })
    await client.com.atproto.repo.uploadBlob(new Blob(['hello']))
    expect(sent().headers).toMatchObject({ 'content-type': 'application/octet-stream' })
  })

  it('may be what another call downloaded', async () => {
    await client.com.atproto.repo.uploadBlob(await client.com.atproto.sync.getBlob({ did: DID, cid: 'json' }))
    expect(sent()).toMatchObject({
      body: '{}',
      headers: { 'content-type': 'application/json', 'content-length': '2' },
    })
  })

  it('is refused when it is none of these', async () => {
    // @ts-expect-error a string has no type and no length
    await expect(client.com.atproto.repo.uploadBlob('text')).rejects.toThrow(TypeError)
  })
})

describe('what is received', () => {
  it('is a stream even if it is JSON, where the lexicon says bytes', async () => {
    const blob = await client.com.atproto.sync.getBlob({ did: DID, cid: 'json' })
    expect(blob).toMatchObject({ encoding: 'application/json', length: 2, status: 200 })
    expect(await bytesOf(blob.body)).toEqual(new TextEncoder().encode('{}'))
  })

  it('has no length when the header gives that of compressed bytes', async () => {
    const blob = await client.com.atproto.sync.getBlob({ did: DID, cid: 'gzip' })
    expect(blob.length).toBeUndefined()
    expect(await bytesOf(blob.body)).toHaveLength('compressed'.length)
  })

  it('may be a range', async () => {
    const blob = await client.com.atproto.sync.getBlob(
      { did: DID, cid: 'part' },
      { headers: { range: 'bytes=2-' } },
    )
    expect(blob.status).toBe(206)
    expect(blob.headers.get('content-range')).toBe('bytes 2-3/4')
    expect(await bytesOf(blob.body)).toEqual(new TextEncoder().encode('cd'))
  })

  it('is not accepted as a repository when it has another type', async () => {
    await expect(client.com.atproto.sync.getRepo({ did: DID })).rejects.toMatchObject({ error: 'Unexpected' })
  })
})
