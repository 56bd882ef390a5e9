import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { startLimited } from '../../memory/support/wholeRepository.ts'

const sockets: Socket[] = []
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
})

/** A reader that asks for the repository and reads nothing more than the first bytes. */
const begin = async (port: number, did: string): Promise<string> => {
  const socket = connect(port, 'localhost')
  sockets.push(socket)
  await once(socket, 'connect')
  socket.write(`GET /xrpc/com.atproto.sync.getRepo?did=${did} HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`)
  const [first] = await once(socket, 'data')
  socket.pause()
  return String(first).slice(9, 12)
}

it('an export whose reader has gone frees its place, however much of it was not sent', async () => {
  await using limited = await startLimited(64)
  // Larger than what the buffers between here and there hold.
  await limited.importRecords(60_000)
  const { port, did } = limited.cirrus
  for (let round = 0; round < 3; round++) {
    // Not at once: the server has to notice first that the readers of the round before are gone.
    for (let n = 0; n < 12; n++) await expect.poll(() => begin(port, did)).toBe('200')
    expect(await begin(port, did)).toBe('429')
    for (const socket of sockets.splice(0)) socket.destroy()
  }
})
