/** The memory of the mover: the same for an account as for one ten times as large, in a small heap. */
import { fork } from 'node:child_process'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createWorld, type FakeWorld, imagePost, post, postPath } from '../mover/fakes/fakeWorld.ts'
import { NEW_HANDLE } from '../mover/engine/support.ts'
import type { Peaks, Told, ToMove } from './support/moverProcess.ts'

const HEAP_MB = 48
const MiB = 2 ** 20
const LARGE_BYTES = 20_000_000

/** Gives a request to the world, as `x-origin` says. */
const pass = async (world: FakeWorld, request: IncomingMessage, answer: ServerResponse): Promise<void> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of request) chunks.push(chunk)
  const { 'x-origin': origin, host: _, 'transfer-encoding': __, ...rest } = request.headers
  const headers = new Headers()
  for (const [name, value] of Object.entries(rest)) headers.set(name, String(value))
  const { method = 'GET', url = '' } = request
  const body = method === 'GET' ? undefined : Buffer.concat(chunks)
  const given = await world.network.fetch(`${String(origin)}${url}`, {
    method,
    headers,
    redirect: 'manual',
    ...(body && { body }),
  })
  answer.writeHead(given.status, Object.fromEntries(given.headers))
  answer.end(Buffer.from(await given.arrayBuffer()))
}

const gateTo = async (world: FakeWorld) => {
  // A name that nobody serves does not answer here either.
  const server = createServer(
    (request, answer) => void pass(world, request, answer).catch(() => answer.destroy()),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Moves the world's account in a process with a heap of `HEAP_MB`. */
const moveInProcess = (world: FakeWorld, gate: string): Promise<Extract<Told, { peaks: Peaks }>> =>
  new Promise((resolve, reject) => {
    const child = fork(join(import.meta.dirname, 'support/moverProcess.ts'), {
      execArgv: ['--expose-gc', `--max-old-space-size=${HEAP_MB}`],
    })
    child.on('error', reject)
    child.on('exit', (code, signal) => reject(new Error(`the mover ended with ${code ?? signal}`)))
    child.on('message', (told: Told) => {
      if ('asks' in told) child.send(world.account.plcCode ?? 'none')
      else if ('failed' in told) reject(new Error(told.failed))
      else resolve(told)
    })
    const { handle, password, source, target, directory } = world
    const given: ToMove = {
      ...{ gate, handle, password, newHandle: NEW_HANDLE },
      ...{ source: source.origin, target: target.origin, directory: directory.origin },
    }
    child.send(given)
  })

/** An account with so many posts, pictures of 100 kB and videos of 20 MB. */
const moveOf = async (posts: number, pictures: number, videos: number): Promise<Peaks> => {
  const large = Array.from({ length: videos }, (_, n) => new Uint8Array(LARGE_BYTES).fill(n + 1))
  const more = Object.fromEntries([
    ...Array.from({ length: posts }, (_, n) => [postPath(100_000 + n), post(`post ${n}`)] as const),
    ...large.map((bytes, n) => [postPath(900_000 + n), imagePost(bytes, 'video/mp4')] as const),
  ])
  const world = await createWorld({ records: pictures, blobs: pictures, blobBytes: 100_000, more })
  for (const bytes of large) world.source.putBlob(world.account, bytes, 'video/mp4')
  await using gate = await gateTo(world)
  const { peaks, ...moved } = await moveInProcess(world, gate.url)
  const blobs = pictures + videos
  expect(moved).toEqual({ records: posts + blobs, blobs })
  expect(world.target.accounts.get(world.did)?.blobs.size).toBe(blobs)
  const text = Object.entries(peaks).map(([name, bytes]) => `${name} ${(bytes / MiB).toFixed(0)}`)
  console.log(`${posts} posts, ${pictures} pictures, ${videos} videos: at most, in MiB, ${text.join(', ')}`)
  return peaks
}

it(
  `an account ten times as large moves in the same memory, with a heap of ${HEAP_MB} MB`,
  { timeout: 900_000 },
  async () => {
    const small = await moveOf(1000, 40, 1)
    const large = await moveOf(10_000, 400, 8)
    // The blobs that are held have a budget of 8 MiB, and what is sent is copied once; of videos there is what the
    // network has of them. All of the large account's blobs are 200 MB.
    expect(large.arrayBuffers).toBeLessThan(32 * MiB)
    // The table of where the blocks are, and the list of blobs, grow: by some dozen bytes a block, some hundred a blob.
    expect(large.heapUsed).toBeLessThan(small.heapUsed + 6 * MiB)
  },
)
