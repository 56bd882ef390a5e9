import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { Archive } from '../../../archive/openArchive.ts'

/** A PLC directory on this machine that knows one DID, as it was when the backup was made. */
export interface LocalDirectory {
  readonly url: string
  close(): Promise<void>
}

/** Serves the log and the document of a backup: a drill needs no directory, and tells nobody of it. */
export async function directoryOfLog(archive: Archive): Promise<LocalDirectory> {
  const log = archive.did.startsWith('did:plc:') ? await readFile(archive.file('plcLog')) : undefined
  const document = JSON.stringify((await archive.didDocument()) ?? null)
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '')
    const found =
      path === `/${archive.did}` ? document : path === `/${archive.did}/log/audit` ? log : undefined
    if (found === undefined) return response.writeHead(404).end('{"message":"not in the backup"}')
    return response.writeHead(200, { 'content-type': 'application/json' }).end(found)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return {
    url: `http://localhost:${port}`,
    close: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
