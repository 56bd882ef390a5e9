import { outbound, type Outbound } from '../outbound.ts'
import { createDirectory, type Directory } from '../plc/directory.ts'
import type { Run } from './types.ts'

const isLoopback = (origin: string): boolean =>
  /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:|$)/.test(origin)

/** The PLC directory of a run, and what is needed to ask the hosts of other DIDs. */
export interface PlcDirectory {
  readonly directory: Directory
  readonly send: Outbound
  /** Loopback addresses may be asked. */
  readonly dev: boolean
}

/** What may be wrong where a DID is not known: a server on this machine has a directory of its own. */
export const directoryHint = ({ origin, plcUrl }: Pick<Run, 'origin' | 'plcUrl'>, did: string): string =>
  did.startsWith('did:plc:') && isLoopback(origin) && !isLoopback(plcUrl)
    ? '; --plc names the directory that a server on this machine uses'
    : ''

/** Asks the directory as the Worker would: within limits of time and size, and on this machine only where the server is. */
export function plcDirectory({
  deps,
  origin,
  plcUrl,
}: Pick<Run, 'deps' | 'origin' | 'plcUrl'>): PlcDirectory {
  const dev = isLoopback(origin) || isLoopback(plcUrl)
  const send = outbound(
    { fetch: (input, init) => deps.fetch(new Request(input instanceof URL ? input.href : input, init)) },
    { dev },
  )
  return { directory: createDirectory(send, plcUrl), send, dev }
}
