// The event stream over real sockets and a real process: kill -9, and subscribers that do not read.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'

import { startPlcCirrus } from '../../dev/account.ts'
import { startPlc, type PlcDirectory } from '../support/plc.ts'
import { ownerAuth, type SourceCirrus } from './support/cirrus.ts'
import { type Message, record, type Recording } from './support/frames.ts'

let plc: PlcDirectory
let cirrus: SourceCirrus
const sockets: Socket[] = []
const open: Recording[] = []

const start = async (): Promise<void> => {
  plc = await startPlc()
  cirrus = await startPlcCirrus({
    plcUrl: plc.url,
    handle: 'alice.test',
    bundle: { main: 'bench/worker.ts' },
  })
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const recording of open.splice(0)) recording.close()
  await cirrus.close()
  await plc.close()
})

const subscribe = async (cursor?: number): Promise<Recording> => {
  const recording = await record(cirrus.url, cursor)
  open.push(recording)
  return recording
}

/** Writes this many posts, one per request; gives how many were acknowledged before the server died. */
const write = async (auth: string, count: number, size = 20): Promise<number> => {
  for (let n = 0; n < count; n++) {
    const body = JSON.stringify({
      repo: cirrus.did,
      collection: 'com.example.note',
      validate: false,
      record: { $type: 'com.example.note', text: `${n} `.padEnd(size, 'x') },
    })
    try {
      const answer = await fetch(`${cirrus.url}/xrpc/com.atproto.repo.createRecord`, {
        method: 'POST',
        headers: { authorization: auth, 'content-type': 'application/json' },
        body,
      })
      const text = await answer.text()
      if (!answer.ok) throw new Error(`createRecord: ${answer.status} ${text}`)
    } catch (cause) {
      if (cause instanceof TypeError) return n
      throw cause
    }
  }
  return count
}

const seqs = (messages: readonly Message[]): number[] => messages.map(({ body }) => Number(body.seq))
const dense = (numbers: readonly number[]): boolean =>
  numbers.every((seq, n) => seq === Number(numbers[0]) + n)

/** A subscriber on a raw socket that reads nothing until it is told to. */
const deaf = async (cursor: number): Promise<Socket> => {
  const socket = connect(cirrus.port, 'localhost')
  sockets.push(socket)
  await once(socket, 'connect')
  socket.pause()
  socket.write(
    [
      `GET /xrpc/com.atproto.sync.subscribeRepos?cursor=${cursor} HTTP/1.1`,
      `Host: localhost:${cirrus.port}`,
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      '',
      '',
    ].join('\r\n'),
  )
  return socket
}

describe('a subscriber', () => {
  it('misses nothing and gets nothing twice when the process is killed, in a replay and in a burst of writes', async () => {
    await start()
    let auth = await ownerAuth(cirrus)
    await write(auth, 300)
    let got: number[] = []
    let acknowledged = 300
    for (let round = 0; round < 3; round++) {
      const recording = await subscribe(got.at(-1) ?? 0)
      const writing = write(auth, 100)
      await recording.until((messages) => messages.length > 10 + 40 * round)
      await cirrus.kill()
      acknowledged += await writing
      got = [...got, ...seqs(recording.messages)]
      await cirrus.restart()
      auth = await ownerAuth(cirrus)
    }
    acknowledged += await write(auth, 5)
    const last = await subscribe(got.at(-1) ?? 0)
    // The three events of the activation, and every write that was acknowledged; one whose answer was lost may be there too.
    await last.until((messages) => got.length + messages.length >= acknowledged + 3)
    await expect.poll(() => last.messages.length).toBeGreaterThan(0)
    got = [...got, ...seqs(last.messages)]
    expect(dense(got)).toBe(true)
    expect(got.length).toBeLessThanOrEqual(acknowledged + 3 + 3)
  })

  it('that never reads is closed, costs little memory, and 49 others get everything', async () => {
    await start()
    const auth = await ownerAuth(cirrus)
    const events = 150
    await write(auth, events, 200_000)
    const before = (await cirrus.memory()).rss
    const silent = await deaf(0)
    const readers: Recording[] = []
    for (let n = 0; n < 49; n++) readers.push(await subscribe(n % 2 === 0 ? 0 : undefined))
    await write(auth, 20, 200_000)
    for (const [n, reader] of readers.entries()) {
      const all = n % 2 === 0 ? events + 23 : 20
      const messages = await reader.until((got) => got.length >= all)
      expect([n, dense(seqs(messages)), messages.length]).toEqual([n, true, all])
      reader.close()
    }
    const after = (await cirrus.memory()).rss
    // It would be 30 MB per subscriber if unread events were kept in memory.
    expect(after - before).toBeLessThan(200 * 1024 * 1024)
    await new Promise((resolve) => setTimeout(resolve, 12_000))
    let text = ''
    silent.setEncoding('latin1').on('data', (chunk: string) => (text = (text + chunk).slice(-1000)))
    silent.resume()
    await expect.poll(() => text).toContain('ConsumerTooSlow')
  })
})
