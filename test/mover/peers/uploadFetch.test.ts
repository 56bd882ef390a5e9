/** Uploads with the real fetch of Node, to a real server. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { uploadFetch } from '../../../src/mover/peers/uploadFetch.ts'

const arrived: string[] = []
const server = createServer((request, answer) => {
  if (request.url === '/away') return void answer.writeHead(307, { location: '/elsewhere' }).end()
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    arrived.push(`${request.url} ${Buffer.concat(chunks).length}`)
    answer.end('here')
  })
})
let origin = ''

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const send = uploadFetch((url, init) => fetch(url, init))
const bodies = {
  stream: () => new Blob(['x'.repeat(100_000)]).stream(),
  file: () => new Blob(['x'.repeat(100_000)]),
}

it.for(Object.entries(bodies))('sends a %s', async ([, body]) => {
  const init: RequestInit = {
    method: 'POST',
    body: body(),
    redirect: 'manual',
    duplex: 'half',
  } as RequestInit
  const answer = await send(`${origin}/here`, init)
  expect([answer.status, await answer.text(), arrived.pop()]).toEqual([200, 'here', '/here 100000'])
})

it.for(Object.entries(bodies))('follows no redirect with a %s, and tells of it', async ([, body]) => {
  const init: RequestInit = {
    method: 'POST',
    body: body(),
    redirect: 'manual',
    duplex: 'half',
  } as RequestInit
  const answer = await send(`${origin}/away`, init)
  expect([answer.status, arrived]).toEqual([307, []])
})

it('leaves other requests and other failures as they are', async () => {
  expect(await (await send(`${origin}/here`, { method: 'POST', body: 'x' })).text()).toBe('here')
  arrived.pop()
  const failing = send('http://127.0.0.1:1', { method: 'POST', body: new Blob(['x']) })
  await expect(failing).rejects.toThrow('fetch failed')
})
