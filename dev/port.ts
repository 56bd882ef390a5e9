import { once } from 'node:events'
import { createServer } from 'node:net'

/** A free port on loopback. The service DID contains the port, so it must be known before the server starts. */
export const freePort = async (): Promise<number> => {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('there is no free port')
  return address.port
}
